// The second counter: opens an urn with two officers' keys and counts it, as docs/vote-formats.md says and without a
// line of the first one (portal/ceremony). Both must write the same bytes.
//
//   node deploy/count.mjs --urn URN --election election.json --signatures SIG SIG --shares shares.json
//        --officer A.key.pem --officer B.key.pem [--passphrase-file A.txt --passphrase-file B.txt] --out RESULT
//        [--rehearsal]
//
// Exit status: 0 done; 1 what was brought is not right; 2 used wrongly, or a file is not there or is there already;
// 3 the machine is connected. Needs Node and nothing else: deploy/hpke.mjs is @hpke/core.

import { createHash, createHmac, createPrivateKey, createPublicKey, hkdfSync, verify, webcrypto } from "node:crypto";
import { closeSync, existsSync, fsyncSync, openSync, readdirSync, readFileSync, realpathSync, writeSync } from "node:fs";
import { availableParallelism } from "node:os";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";

import { Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256 } from "./hpke.mjs";

const [REFUSED, MISUSED, ONLINE] = [1, 2, 3];
const [POINT, TEXT, SEALED, MOST] = [65, 64, 145, 10 ** 9];
// Votes that one thread opens at a time, and what makes another thread worth while.
const AT_ONCE = 64;
const PER_THREAD = 4000;

/** HKDF by Node's own crypto, which answers at once: WebCrypto's takes a thread twice for each of five steps of a vote. */
class Hkdf extends HkdfSha256 {
  async extract(salt, ikm) {
    return createHmac("sha256", new Uint8Array(salt)).update(new Uint8Array(ikm)).digest();
  }

  async extractAndExpand(salt, ikm, info, length) {
    return hkdfSync("sha256", ikm, salt, info, length);
  }
}

const SUITE = new CipherSuite({ kem: new DhkemP256HkdfSha256(), kdf: new Hkdf(), aead: new Aes256Gcm() });

class Wrong extends Error {
  constructor(fr, en, status = REFUSED) {
    super(`${fr}\n${en}`);
    this.status = status;
  }
}

function damaged(file, what) {
  // Some of it stands in files of others: nothing of theirs moves the cursor of who reads the refusal.
  const said = what.slice(0, 200).replace(/\p{C}/gu, "\ufffd");
  return new Wrong(`${file} n'est pas ce que dit le format : ${said}.`, `${file} is not what the format says: ${said}.`);
}

function need(holds, file, what) {
  if (!holds) throw damaged(file, what);
}

// --- canonical JSON, hashes, base64url (section 1) ---

function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value !== null && typeof value === "object") {
    const names = Object.keys(value).sort();
    return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What JSON of this shape says, if it is written in the one way. */
function parsed(file, text, shape) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw damaged(file, "JSON");
  }
  fit(file, value, shape);
  need(canonical(value) === text, file, "canonical JSON");
  return value;
}

function load(file, content, format, shape) {
  let text;
  try {
    text = DECODER.decode(content);
  } catch {
    throw damaged(file, "UTF-8");
  }
  return parsed(file, text.endsWith("\n") ? text.slice(0, -1) : text, { format: (value) => value === format, ...shape });
}

function read(path) {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Wrong(`${path} : ce fichier ne se lit pas.`, `${path}: cannot be read (${error.code}).`, MISUSED);
  }
}

const sha256 = (content) => createHash("sha256").update(content).digest();
const hex = (bytes) => Buffer.from(bytes).toString("hex");

function unb64(text, size) {
  if (typeof text !== "string") return null;
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text && (size === undefined || bytes.length === size) ? bytes : null;
}

// --- shapes: what stands under each name of a file, and nothing else ---

/** An object has exactly these names, a list such values; a function says whether a value is one. */
function fit(file, value, shape, field = "JSON") {
  if (typeof shape === "function") return need(shape(value), file, field);
  if (Array.isArray(shape)) {
    need(Array.isArray(value), file, field);
    for (const one of value) fit(file, one, shape[0], field);
    return;
  }
  need(value !== null && typeof value === "object" && !Array.isArray(value), file, field);
  for (const name of new Set([...Object.keys(shape), ...Object.keys(value)])) {
    need(Object.hasOwn(shape, name) && Object.hasOwn(value, name), file, name);
    fit(file, value[name], shape[name], name);
  }
}

const isAscending = (list) => list.every((one, at) => at === 0 || list[at - 1] < one);
// Half of a character is no text.
const isText = (value) => typeof value === "string" && !/\p{Surrogate}/u.test(value);
const isFlag = (value) => typeof value === "boolean";
const matching = (pattern) => (value) => isText(value) && pattern.test(value);
const oneOf = (...values) => (value) => values.includes(value);
const number = (least = 0, most = MOST) => (value) => Number.isInteger(value) && value >= least && value <= most;
const orNull = (shape) => (value) => value === null || shape(value);
const data = (size) => (value) => unb64(value, size) !== null;

const isCode = matching(/^[a-z0-9][a-z0-9-]*$/);
const isCampaign = matching(/^[A-Za-z0-9][A-Za-z0-9._-]*$/);
const isHash = matching(/^[0-9a-f]{64}$/);
const isUuid = matching(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
const isPoint = data(POINT);
// A day that there is: what Date makes of it is written as it was.
const isInstant = (value) =>
  matching(/^2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)(value) && !Number.isNaN(Date.parse(value)) &&
  new Date(value).toISOString() === value.replace("Z", ".000Z");

const ELECTION = {
  campaign: isCampaign, public_key: isPoint, trustees: [{ code: isCode, sealing: isPoint, signing: data(32) }],
  made_at: isInstant,
};
const SHARES = { campaign: isCampaign, public_key: isPoint, wraps: [{ pair: [isCode], wrapped: data() }] };
const BALLOT = {
  ballot: isUuid, code: isCode, definition: isText, definition_sha256: isHash, electors: number(), on_paper: number(),
  set_aside: number(), ciphertexts: [data(SEALED)], list_sha256: isHash,
};
const URN = {
  campaign: isCampaign, public_key: isPoint, sealed_at: isInstant, roll_at_opening: orNull(isHash), roll_at_seal: isHash,
  ballots: [BALLOT],
};
const WORDS = { fr: isText, en: isText };
const DEFINITION = {
  ballot: isUuid, campaign: isCampaign, code: isCode, choose: number(1, 31), majority: oneOf("half", "two-thirds"),
  kind: oneOf("resolution", "ratification", "election", "strike", "last-offer"), quorum_percent: orNull(number(1, 100)),
  groups: [isText], members_only: isFlag, title: WORDS, question: WORDS, options: [{ id: number(0, 0xffff), ...WORDS }],
};
const SIGNATURE = {
  of: oneOf("urn", "result", "destruction"), campaign: isCampaign, sha256: isHash, by: isCode, signature: data(64),
};

// --- keys (section 3) ---

function readElection(file, content) {
  const election = load(file, content, "scrutin/election/v1", ELECTION);
  const each = (field) => election.trustees.map((one) => one[field]);
  need(election.trustees.length === 3 && isAscending(each("code")), file, "trustees");
  for (const field of ["sealing", "signing"]) need(new Set(each(field)).size === 3, file, `trustees, ${field}`);
  return election;
}

function readShares(file, content, election) {
  const shares = load(file, content, "scrutin/shares/v1", SHARES);
  sameElection(file, shares, election);
  const pairs = shares.wraps.map((one) => one.pair);
  need(pairs.length === 3 && pairs.every((pair) => pair.length === 2 && isAscending(pair)), file, "pair");
  // A space comes before every character of a code.
  need(isAscending(pairs.map((pair) => pair.join(" "))), file, "wraps, order");
  return shares;
}

function sameElection(file, value, election) {
  if (value.campaign !== election.campaign || value.public_key !== election.public_key)
    throw new Wrong(`${file} appartient à un autre scrutin ou à une autre clé.`, `${file} belongs to another vote or key.`);
}

const pointOf = (jwk) => Buffer.concat([Buffer.of(4), Buffer.from(jwk.x, "base64url"), Buffer.from(jwk.y, "base64url")]);

function readOfficer(file, content, passphrase, election) {
  const blocks = content.toString("latin1")
    .match(/-----BEGIN ENCRYPTED PRIVATE KEY-----[^-]+-----END ENCRYPTED PRIVATE KEY-----/g) ?? [];
  need(blocks.length === 2, file, "2 × ENCRYPTED PRIVATE KEY");
  let sealing, signing;
  try {
    [sealing, signing] = blocks.map((key) => createPrivateKey({ key, passphrase }).export({ format: "jwk" }));
  } catch {
    throw new Wrong(
      `${file} : la phrase secrète n'est pas la bonne, ou le fichier est abîmé.`,
      `${file}: the passphrase is wrong, or the file is damaged.`,
    );
  }
  need(sealing.crv === "P-256" && signing.crv === "Ed25519", file, "P-256, Ed25519");
  const trustee = election.trustees.find(
    (one) => one.sealing === pointOf(sealing).toString("base64url") && one.signing === signing.x,
  );
  if (!trustee)
    throw new Wrong(`${file} : ces clés ne sont d'aucun des trois responsables.`, `${file}: no trustee's keys.`);
  return { code: trustee.code, sealing };
}

/** A P-256 private key as HPKE takes it. */
async function keyPair(jwk) {
  const algorithm = { name: "ECDH", namedCurve: "P-256" };
  const { kty, crv, x, y, d } = jwk;
  return {
    privateKey: await webcrypto.subtle.importKey("jwk", { kty, crv, x, y, d }, algorithm, true, ["deriveBits"]),
    publicKey: await webcrypto.subtle.importKey("jwk", { kty, crv, x, y }, algorithm, true, []),
  };
}

async function opened(sealed, recipientKey, info) {
  const enc = sealed.subarray(0, POINT);
  return Buffer.from(await SUITE.open({ recipientKey, enc, info }, sealed.subarray(POINT)));
}

async function unlock(file, shares, officers, election) {
  const [first, second] = officers.sort((a, b) => (a.code < b.code ? -1 : 1));
  const wrap = shares.wraps.find((one) => one.pair[0] === first.code && one.pair[1] === second.code);
  const layer = (name) =>
    Buffer.from(`scrutin/share/v1|${election.campaign}|${election.public_key}|${first.code}|${second.code}|${name}`);
  try {
    const inner = await opened(unb64(wrap.wrapped), await keyPair(first.sealing), layer("outer"));
    const key = await opened(inner, await keyPair(second.sealing), layer("inner"));
    const jwk = createPrivateKey({ key, format: "der", type: "pkcs8" }).export({ format: "jwk" });
    if (pointOf(jwk).toString("base64url") === election.public_key) return jwk;
  } catch {
    // The same as another key.
  }
  const pair = `${first.code} + ${second.code}`;
  throw new Wrong(`${file} : la part de ${pair} est abîmée.`, `${file}: the share of ${pair} is damaged.`);
}

// --- the urn (sections 2 and 4) ---

function readUrn(file, content, election) {
  const urn = load(file, content, "scrutin/urn/v1", URN);
  sameElection(file, urn, election);
  const ballots = urn.ballots.map((one) => readBallot(`${file}, « ${one.code} »`, one, urn.campaign));
  need(isAscending(ballots.map((one) => one.code)), file, "ballots, order");
  need(new Set(ballots.map((one) => one.ballot)).size === ballots.length, file, "ballots, twice");
  const manifest = {
    ...urn,
    ballots: urn.ballots.map(({ ciphertexts, ...rest }) => ({ ...rest, count: ciphertexts.length })),
  };
  return { ballots, manifest: hex(sha256(canonical(manifest))) };
}

function readBallot(where, one, campaign) {
  need(hex(sha256(one.definition)) === one.definition_sha256, where, "definition_sha256");
  const ciphertexts = one.ciphertexts.map((text) => unb64(text));
  const digests = ciphertexts.map((sealed) => sha256(sealed));
  // Ascending, and none twice.
  need(digests.every((digest, at) => at === 0 || Buffer.compare(digests[at - 1], digest) < 0), where, "ciphertexts, order");
  need(hex(sha256(Buffer.concat(digests))) === one.list_sha256, where, "list_sha256");
  const asked = parsed(where, one.definition, DEFINITION);
  for (const [field, value] of Object.entries({ ballot: one.ballot, campaign, code: one.code }))
    need(asked[field] === value, where, `definition, ${field}`);
  need(asked.options.length > 0 && isAscending(asked.options.map((option) => option.id)), where, "options");
  return { ...one, asked, ciphertexts };
}

function checkSignatures(files, election, manifest) {
  const by = new Set();
  for (const [file, content] of files) {
    const one = load(file, content, "scrutin/signature/v1", SIGNATURE);
    const trustee = election.trustees.find((each) => each.code === one.by);
    need(trustee && one.campaign === election.campaign, file, "by, campaign");
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: trustee.signing }, format: "jwk" });
    const message = `scrutin/signature/v1|${one.of}|${one.campaign}|${one.sha256}`;
    if (!verify(null, Buffer.from(message), key, unb64(one.signature)))
      throw new Wrong(`${file} : cette signature est fausse.`, `${file}: this signature is wrong.`);
    need(one.of === "urn" && one.sha256 === manifest, file, "sha256");
    by.add(one.by);
  }
  if (by.size < 2)
    throw new Wrong("Il faut les signatures de deux responsables.", "The signatures of two different officers are needed.");
}

// --- the count (section 6) ---

async function openHere({ ciphertexts, info, jwk }) {
  const key = await keyPair(jwk);
  const texts = [];
  for (let at = 0; at < ciphertexts.length; at += AT_ONCE)
    texts.push(...await Promise.all(ciphertexts.slice(at, at + AT_ONCE).map(
      // What does not open is empty, and will be invalid.
      (sealed) => opened(sealed, key, info).catch(() => Buffer.alloc(0)),
    )));
  return texts;
}

function openElsewhere(work) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: work });
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

/** What the votes of a ballot say, in the order of what they say. */
async function openBallot(ballot, jwk) {
  const info = Buffer.from(`scrutin/vote/v1|${ballot.ballot}|${ballot.definition_sha256}`);
  const all = ballot.ciphertexts;
  const threads = Math.min(availableParallelism(), Math.ceil(all.length / PER_THREAD));
  if (threads <= 1) return (await openHere({ ciphertexts: all, info, jwk })).sort(Buffer.compare);
  const size = Math.ceil(all.length / threads);
  const parts = Array.from({ length: threads }, (_, at) => all.slice(at * size, (at + 1) * size));
  const texts = await Promise.all(parts.map((ciphertexts) => openElsewhere({ ciphertexts, info, jwk })));
  return texts.flat().map((text) => Buffer.from(text)).sort(Buffer.compare);
}

function decoded(text, options, most) {
  if (text.length !== TEXT || text[0] !== 1 || text[1] > Math.min(most, 31)) return null;
  const end = 2 + 2 * text[1];
  const chosen = [];
  for (let at = 2; at < end; at += 2) chosen.push(text.readUInt16BE(at));
  const whole = isAscending(chosen) && text.subarray(end).every((byte) => byte === 0);
  return whole && chosen.every((id) => options.has(id)) ? chosen : null;
}

function counted(ballot, texts) {
  const { kind, choose, majority, quorum_percent: quorum, options } = ballot.asked;
  const votes = new Map(options.map((option) => [option.id, 0]));
  let [invalid, blank] = [0, 0];
  for (const text of texts) {
    const chosen = decoded(text, votes, kind === "election" ? choose : 1);
    if (chosen === null) invalid += 1;
    else if (chosen.length === 0) blank += 1;
    else for (const id of chosen) votes.set(id, votes.get(id) + 1);
  }
  let [outcome, elected, tied] = ["elected", [], []];
  const [yes, no] = [votes.get(1) ?? 0, votes.get(2) ?? 0];
  const enough = majority === "half" ? 2 * yes > yes + no : yes > 0 && 3 * yes >= 2 * (yes + no);
  if (quorum !== null && texts.length * 100 < quorum * ballot.electors) outcome = "no-quorum";
  else if (kind === "election") [elected, tied] = seated(votes, choose);
  else outcome = enough ? "adopted" : "not-adopted";
  return {
    ballot: ballot.ballot, code: ballot.code, kind, electors: ballot.electors, votes: texts.length, invalid, blank,
    options: [...votes].map(([id, number]) => ({ id, votes: number })), outcome, elected, tied,
  };
}

function seated(votes, seats) {
  const ids = [...votes.keys()];
  if (ids.length <= seats) return [ids, []];
  const last = [...votes.values()].sort((a, b) => b - a)[seats - 1];
  const above = ids.filter((id) => votes.get(id) > last);
  const upTo = ids.filter((id) => votes.get(id) >= last);
  return upTo.length <= seats ? [upTo, []] : [above, ids.filter((id) => votes.get(id) === last)];
}

// --- the command ---

function isOn(folder) {
  if (!existsSync(`${folder}/flags`)) return false;
  const flags = Number(readFileSync(`${folder}/flags`, "utf8"));
  if (!Number.isInteger(flags)) throw new Error("flags");
  return !(flags & 8) && (flags & 1 || readFileSync(`${folder}/operstate`, "utf8").trim() === "up");
}

function mustBeAlone() {
  const folder = "/sys/class/net";
  let on;
  try {
    on = readdirSync(folder).filter((name) => isOn(`${folder}/${name}`));
  } catch {
    throw new Wrong(`Réseau : ${folder} ne se lit pas.`, `Network: ${folder} cannot be read.`, ONLINE);
  }
  if (on.length > 0)
    throw new Wrong(`Cet ordinateur est relié à un réseau (${on}).`, `This computer is connected (${on}).`, ONLINE);
}

/** Lines of the keyboard, which are not shown; one reader for all of them, or the second would miss what came early. */
let keyboard;
function listen() {
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: process.stdin, output, terminal: process.stdin.isTTY === true });
  reader.on("SIGINT", () => process.exit(130));
  return { lines: reader[Symbol.asyncIterator](), close: () => reader.close() };
}

async function typed(question) {
  process.stderr.write(question);
  keyboard ??= listen();
  const { value } = await keyboard.lines.next();
  process.stderr.write("\n");
  return value ?? "";
}

async function passphraseOf(file, key) {
  if (file === undefined) return Buffer.from((await typed(`Phrase secrète / passphrase, ${key} : `)).normalize("NFC"));
  return Buffer.from(read(file).toString("utf8").replace(/\n$/, "").replace(/\r$/, "").normalize("NFC"));
}

function write(path, content) {
  try {
    const file = openSync(path, "wx", 0o600);
    writeSync(file, content);
    fsyncSync(file);
    closeSync(file);
  } catch (error) {
    throw new Wrong(`${path} ne peut pas être écrit.`, `${path} cannot be written (${error.code}).`, MISUSED);
  }
}

function asked() {
  const text = { type: "string" };
  const several = { type: "string", multiple: true };
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        urn: text, election: text, shares: text, out: text, rehearsal: { type: "boolean" },
        signatures: several, officer: several, "passphrase-file": several,
      },
    });
    // `--signatures A B`: the rest of them.
    const signatures = [...(values.signatures ?? []), ...positionals];
    const phrases = values["passphrase-file"] ?? [];
    const officers = values.officer ?? [];
    const complete = values.urn && values.out && officers.length === 2 && [0, 2].includes(phrases.length);
    if (!complete) throw new Error("--urn, --signatures, --officer ×2, --out");
    return { election: "election.json", shares: "shares.json", ...values, signatures, phrases, officers };
  } catch (error) {
    throw new Wrong("Commande incomplète.", `count.mjs: ${error.message}`, MISUSED);
  }
}

/** The bytes of the result of an urn: what each file holds under its name, the officers by a question that opens their keys. */
export async function result({ election, urn, signatures, shares, officers }) {
  const of = readElection(...election);
  const { ballots, manifest } = readUrn(...urn, of);
  checkSignatures(signatures, of, manifest);
  const sealed = readShares(...shares, of);
  const two = [];
  for (const [file, content, passphrase] of officers) two.push(readOfficer(file, content, await passphrase(), of));
  if (two[0].code === two[1].code)
    throw new Wrong("Il faut deux responsables différents.", "Two different officers are needed.");
  const key = await unlock(shares[0], sealed, two, of);
  const counts = [];
  for (const ballot of ballots) {
    console.error(`${ballot.code}: ${ballot.ciphertexts.length}…`);
    counts.push(counted(ballot, await openBallot(ballot, key)));
  }
  const found = { format: "scrutin/result/v1", campaign: of.campaign, manifest_sha256: manifest, ballots: counts };
  return `${canonical(found)}\n`;
}

async function main() {
  const given = asked();
  if (!given.rehearsal) mustBeAlone();
  else console.error("*** RÉPÉTITION / REHEARSAL ***");
  if (existsSync(given.out)) throw new Wrong(`${given.out} existe déjà.`, `${given.out} exists already.`, MISUSED);
  const file = (path) => [path, read(path)];
  const content = await result({
    election: file(given.election), urn: file(given.urn), signatures: given.signatures.map(file), shares: file(given.shares),
    officers: given.officers.map((path, at) => [...file(path), () => passphraseOf(given.phrases[at], path)]),
  });
  keyboard?.close();
  write(given.out, content);
  console.log(`${given.out}: ${hex(sha256(content))}`);
}

if (!isMainThread) {
  const work = workerData;
  parentPort.postMessage(await openHere({ ...work, ciphertexts: work.ciphertexts.map((one) => Buffer.from(one)) }));
} else if (realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    console.error(error.message);
    process.exit(error.status);
  }
}
