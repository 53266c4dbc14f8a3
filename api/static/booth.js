// The booth. A browser that can seals the vote itself: what was chosen never leaves this page. Without this file, or in
// a browser that cannot, the same form goes to the portal, which seals at once.
import { Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256 } from "./hpke.js";

const one = (selector) => document.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const language = document.documentElement.lang;

// --- how long it is still open, by the clock of the server

const timer = one("[role=timer]");
let closes = performance.now() + +timer.dataset.left * 1000, next, over = false, sending = false;

const unit = (count, name) => new Intl.NumberFormat(language, { style: "unit", unit: name, unitDisplay: "long" }).format(count);
const words = (seconds) => {
  const days = Math.floor(seconds / 86400), hours = Math.floor(seconds / 3600) % 24, minutes = Math.floor(seconds / 60) % 60;
  if (days) return [unit(days, "day"), hours && unit(hours, "hour")];
  if (hours) return [unit(hours, "hour"), minutes && unit(minutes, "minute")];
  if (minutes >= 10) return [unit(minutes, "minute")];
  return [minutes && unit(minutes, "minute"), (seconds % 60 || !minutes) && unit(seconds % 60, "second")];
};
const say = (seconds) => timer.dataset.words.replace("{left}", words(seconds).filter(Boolean).join(" "));

// Whoever hears the page is told at these only.
const told = [600, 300, 120, 60];
const tick = () => {
  const left = closes - performance.now(), seconds = Math.max(0, Math.ceil(left / 1000));
  timer.hidden = false;
  if (timer.textContent !== say(seconds)) timer.textContent = say(seconds);
  if (told.includes(seconds)) one("[data-left-said]").textContent = say(seconds);
  // What is on its way is answered by the server: there is nothing left to count.
  if (!seconds) return sending || look();
  next = setTimeout(tick, seconds < 700 ? left % 1000 || 1000 : Math.min(60, seconds - 640) * 1000);
};

// The database decides, and it may have been given more time: it is asked before anything is said.
const look = async () => {
  clearTimeout(next);
  try {
    const answer = await fetch(timer.dataset.look, { headers: { "If-None-Match": "*" }, cache: "no-store", redirect: "manual" });
    const left = answer.headers.get("Voting-Left");
    // Signed out, or a vote that is not held any more: the page as it is now says so.
    if (answer.type === "opaqueredirect" || answer.status === 401 || (answer.ok && left === null)) return location.reload();
    // A server that is away, or whoever answers in its place, says nothing of the vote.
    if (left === null) throw answer.status;
    closes = performance.now() + left * 1000;
    if (left > 0) return tick();
  } catch { next = setTimeout(look, 3000); return; }
  over = true;
  timer.hidden = true;
  one("[data-left-said]").textContent = "";
  const last = one("[data-over]");
  last.textContent = last.dataset.over;
  last.hidden = false;
  for (const button of all("[data-closing] button")) button.disabled = true;
};
tick();
// A machine that slept has no idea how late it is.
document.addEventListener("visibilitychange", () => { if (!document.hidden && !over && !sending) look(); });

const local = one("[data-at]"), at = new Date(local.dataset.at);
const shown = (zone) => at.toLocaleString(language, { weekday: "long", day: "numeric", month: "long", hour: "numeric", minute: "2-digit", timeZone: zone });
if (shown() !== shown(local.dataset.zone)) {
  local.textContent = local.dataset.words.replace("{when}", shown());
  local.hidden = false;
}

// --- sealing, as portal/rules/votes.py and portal/store/sealing.py do

const SIZE = 64;
const encode = (choices) => {
  const vote = new Uint8Array(SIZE);
  vote.set([1, choices.length]);
  choices.forEach((choice, n) => vote.set([choice >> 8, choice & 255], 2 + 2 * n));
  return vote;
};
const packed = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const unpacked = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

const suite = new CipherSuite({ kem: new DhkemP256HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
const seal = async (form, choices) => {
  const recipientPublicKey = await suite.kem.deserializePublicKey(unpacked(form.dataset.key).buffer);
  const sender = await suite.createSenderContext({ recipientPublicKey, info: new TextEncoder().encode(form.dataset.info) });
  const sealed = await sender.seal(encode(choices));
  return packed(new Uint8Array([...new Uint8Array(sender.enc), ...new Uint8Array(sealed)]));
};

// --- the page of a question

const form = one("#bulletin"), read = one("#relecture"), cast = one("#depot");

const chosen = () => all("input[name=choice]:checked", form);
const numbers = () => chosen().map((field) => field.value).filter((value) => value !== form.dataset.blank).map(Number).sort((a, b) => a - b);

const wrong = () => {
  const count = chosen().length, some = numbers().length;
  if (!count) return form.dataset.nothing;
  if (some && some < count) return form.dataset.both;
  return some > +form.dataset.most ? form.dataset.tooMany : "";
};

// As the server says it: once at the top, and once at the field.
const complain = (sentence) => {
  all(".govuk-error-summary, #choice-error").forEach((old) => old.remove());
  form.querySelector("fieldset").setAttribute("aria-describedby", sentence ? "choice-hint choice-error" : "choice-hint");
  form.querySelector(".govuk-form-group").classList.toggle("govuk-form-group--error", !!sentence);
  if (!sentence) return;
  const make = (tag, name, ...inside) => { const made = document.createElement(tag); made.className = name; made.append(...inside); return made; };
  const link = Object.assign(make("a", "", sentence), { href: "#choice" });
  const summary = make("div", "govuk-error-summary", make("div", "", make("h2", "govuk-error-summary__title", form.dataset.problem),
    make("div", "govuk-error-summary__body", make("ul", "govuk-list govuk-error-summary__list", make("li", "", link)))));
  summary.firstChild.setAttribute("role", "alert");
  summary.tabIndex = -1;
  link.addEventListener("click", (event) => { event.preventDefault(); one("#choice").focus(); });
  const message = make("p", "govuk-error-message", make("span", "govuk-visually-hidden", `${form.dataset.error} : `), sentence);
  message.id = "choice-error";
  form.querySelector("[data-module], .govuk-radios, .govuk-checkboxes").before(message);
  one("main").prepend(summary);
  summary.focus();
};

const show = (reading) => {
  form.hidden = reading;
  read.hidden = !reading;
  // What was sealed is sealed: another choice is sealed anew.
  cast.elements.sealed.value = "";
  if (!reading) return;
  const labels = chosen().map((field) => Object.assign(document.createElement("li"), { textContent: form.querySelector(`label[for="${field.id}"]`).textContent.trim() }));
  one("[data-chosen]").replaceChildren(...labels);
  read.querySelector("h2").focus();
};

const plainly = () => {
  form.removeEventListener("submit", go);
  delete form.dataset.sent;
  const unable = form.querySelector("[data-unable]");
  form.querySelector("[data-sealing]").hidden = true;
  unable.textContent = unable.dataset.unable;
  unable.hidden = false;
  show(false);
};

const go = (event) => {
  event.preventDefault();
  const sentence = wrong();
  complain(sentence);
  if (sentence || over) return;
  // The Back button leads from the reading to the question.
  history.replaceState({ question: true }, "");
  history.pushState({ reading: true }, "");
  show(true);
};

const send = async (event) => {
  // portal.js has stopped a second click.
  if (event.defaultPrevented) return;
  event.preventDefault();
  if (over) return;
  sending = true;
  const status = one("[data-sending]");
  status.textContent = status.dataset.sending;
  try {
    cast.elements.sealed.value ||= await seal(form, numbers());
  } catch {
    sending = false;
    status.textContent = "";
    return plainly();
  }
  // Of the choice nothing is left, not even here.
  form.reset();
  cast.submit();
};

if (form) {
  if (history.state?.reading) history.replaceState(null, "");
  // A browser that cannot seal says so before anybody has chosen.
  seal(form, []).then(() => {
    const words = form.querySelector("[data-sealing]");
    words.textContent = words.dataset.sealing;
    form.addEventListener("submit", go);
    cast.addEventListener("submit", send);
    const again = () => { show(false); one("input[name=choice]:checked, #choice").focus(); };
    read.querySelector("[data-edit]").addEventListener("click", () => history.state?.reading ? history.back() : again());
    // A link to a place of this page, as the one to its content, is no way back.
    addEventListener("popstate", (event) => { if (event.state?.question) again(); });
    // A browser that puts the page aside as it is puts no choice aside.
    addEventListener("pagehide", () => { form.reset(); one("[data-chosen]").replaceChildren(); });
  }).catch(plainly);
}
