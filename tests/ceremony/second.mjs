// The second counter, one case a line: whether it accepts these files, and what it makes of them.
import { createInterface } from "node:readline";

import { result } from "../../deploy/count.mjs";

for await (const line of createInterface({ input: process.stdin })) {
  const given = JSON.parse(line);
  const file = (name) => [name, Buffer.from(given[name], "base64")];
  try {
    const made = await result({
      election: file("election"), urn: file("urn"), shares: file("shares"),
      signatures: [file("first"), file("second")],
      officers: [file("one"), file("other")].map((key) => [...key, async () => given.passphrase]),
    });
    console.log(JSON.stringify({ made }));
  } catch (error) {
    // A refusal has a status; whatever has none is a fault of the program.
    console.log(JSON.stringify(error.status ? { refused: error.message } : { failed: String(error.stack) }));
  }
}
