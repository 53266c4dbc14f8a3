// Keys of staff: the browser asks the key, the form carries its answer. A code needs no script.
const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const named = (keys) => (keys ?? []).map((key) => ({ ...key, id: bytes(key.id) }));

// What the server said, in the form the browser takes.
const asked = (options) => ({
  ...options,
  challenge: bytes(options.challenge),
  ...(options.user && { user: { ...options.user, id: bytes(options.user.id) }, excludeCredentials: named(options.excludeCredentials) }),
  ...(options.allowCredentials && { allowCredentials: named(options.allowCredentials) }),
});

const said = ({ id, rawId, type, response }) => JSON.stringify({
  id, rawId: text(rawId), type, clientExtensionResults: {},
  response: Object.fromEntries(
    ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]
      .filter((name) => response[name]).map((name) => [name, text(response[name])]),
  ),
});

const show = async (form) => {
  const body = new URLSearchParams({ form_token: form.elements.form_token.value });
  const answer = await fetch(form.dataset.challenge, { method: "POST", body, redirect: "manual" });
  // The session is over, or the key was shown too long ago: the page itself says so.
  if (!answer.ok || !answer.headers.get("Content-Type")?.startsWith("application/json")) return location.reload();
  const publicKey = asked(await answer.json());
  const key = form.dataset.passkey === "create"
    ? await navigator.credentials.create({ publicKey })
    : await navigator.credentials.get({ publicKey });
  form.elements.answer.value = said(key);
  form.submit();
};

if (window.PublicKeyCredential && navigator.credentials) {
  for (const note of document.querySelectorAll("[data-no-passkey]")) note.hidden = true;
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    const failed = form.querySelector("[data-passkey-failed]");
    form.addEventListener("submit", async (event) => {
      // A key without a name: the server says what is missing.
      if (form.elements.name instanceof HTMLInputElement && !form.elements.name.value.trim()) return;
      event.preventDefault();
      failed.hidden = true;
      try { await show(form); } catch {
        failed.hidden = false;
        delete form.dataset.sent;
      }
    });
  }
}
