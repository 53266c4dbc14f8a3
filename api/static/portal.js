// Everything here is an extra: each page works without it.
import { initAll } from "./govuk.js";

document.body.classList.add("js-enabled", "govuk-frontend-supported");
initAll();

const all = (selector) => document.querySelectorAll(selector);
const store = sessionStorage;

// What was said once is not said again when the page is opened anew.
const address = new URL(location.href);
if (address.searchParams.has("fait")) {
  address.searchParams.delete("fait");
  history.replaceState(history.state, "", address);
}

// A region that keeps itself up to date: the server says by its ETag whether anything changed.
for (const region of all("[data-status]")) {
  let tag = region.dataset.tag, wait = 4000, timer, due;
  const again = () => { timer = setTimeout(look, wait * (0.85 + Math.random() * 0.3)); };
  // At an instant known beforehand it looks at once, in its turn among many.
  const waitForIt = () => {
    clearTimeout(due);
    const left = region.querySelector("[data-due]")?.dataset.due;
    if (left < 86400) due = setTimeout(() => { clearTimeout(timer); wait = 1000; look(); }, left * 1000 + Math.random() * 2000);
  };
  const look = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(region.dataset.status, { headers: { "If-None-Match": tag }, cache: "no-store", redirect: "manual" });
      if (answer.type === "opaqueredirect" || answer.status === 401) return location.reload();
      if (answer.status === 200) {
        tag = answer.headers.get("ETag");
        wait = 4000;
        if ("reload" in region.dataset) { keep(location.pathname); return location.reload(); }
        const focused = region.contains(document.activeElement) && document.activeElement.getAttribute("href");
        region.innerHTML = await answer.text();
        if (focused) region.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
        const said = region.querySelector("[data-say]");
        if (said) document.querySelector("[data-said]").textContent = said.dataset.say;
        waitForIt();
      } else {
        wait = Math.min(wait * 1.5, 60000);
      }
    } catch { wait = Math.min(wait * 2, 60000); }
    again();
  };
  document.addEventListener("visibilitychange", () => { clearTimeout(timer); if (!document.hidden) { wait = 4000; look(); } });
  again();
  waitForIt();
}

// A receipt, copied or on paper.
for (const button of all("[data-copy], [data-print]")) {
  if ("copy" in button.dataset && !navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    if ("print" in button.dataset) return print();
    await navigator.clipboard.writeText(document.querySelector(button.dataset.copy).textContent);
    // Beside the button: elsewhere on a long page nobody would see it.
    button.nextElementSibling.textContent = button.dataset.copied;
  });
}

// On a phone a long table is read line by line: each cell says what it is, and stays a cell.
for (const table of all(".app-scroll table:not(.app-numbers-table)")) {
  const heads = [...table.querySelectorAll("thead tr > *")].map((head) => head.textContent.trim());
  table.classList.add("app-lines");
  table.setAttribute("role", "table");
  for (const row of table.querySelectorAll("tr")) {
    row.setAttribute("role", "row");
    [...row.cells].forEach((cell, n) => {
      const head = cell.tagName === "TH";
      cell.setAttribute("role", !head ? "cell" : cell.scope === "row" ? "rowheader" : "columnheader");
      if (!row.closest("thead") && (n || !head) && heads[n] && cell.textContent.trim()) cell.dataset.label = heads[n];
    });
  }
}

// A form is sent once.
for (const form of all("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.closest(".app-me")) store.removeItem("typed");
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    setTimeout(() => delete form.dataset.sent, 8000);
  });
}

// The menu closes like any other.
for (const menu of all("details.app-me")) {
  document.addEventListener("click", (event) => { if (!menu.contains(event.target)) menu.open = false; });
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && menu.open) { menu.open = false; menu.querySelector("summary").focus(); }
  });
}

// What was typed, but for passwords and files, is there again after a change of language or the end of a session: in this
// tab, for half an hour.
const keep = (where) => {
  const fields = [...all("main input, main select, main textarea")].filter((f) => f.id && !f.closest("[data-forget]") && !["password", "file", "hidden"].includes(f.type));
  const values = fields.map((f) => [f.id, /radio|checkbox/.test(f.type) ? f.checked : f.value]);
  store.setItem("typed", JSON.stringify([where, Date.now(), values]));
};
const [where, when, values] = JSON.parse(store.getItem("typed") || "[]");
if (where === location.pathname) {
  store.removeItem("typed");
  for (const [id, value] of when > Date.now() - 1800000 ? values : []) {
    const field = document.getElementById(id);
    if (field) field[typeof value === "boolean" ? "checked" : "value"] = value;
  }
}
for (const toggle of all(".app-toggle")) toggle.addEventListener("click", () => keep(toggle.pathname));

// Two minutes before the session runs out somebody still there can stay; else the page closes and keeps what was typed.
for (const dialog of all("dialog[data-left]")) {
  let timers = [];
  const wait = (seconds) => {
    timers.forEach(clearTimeout);
    timers = [
      // Not at the fixed end of a long session, where nobody can stay.
      seconds > 120 && setTimeout(() => dialog.isConnected && dialog.showModal(), (seconds - 120) * 1000),
      setTimeout(() => {
        if (!dialog.isConnected) return;
        if ("keep" in dialog.dataset) keep(location.pathname);
        location.reload();
      }, (seconds + 1) * 1000),
    ];
  };
  dialog.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    dialog.close();
    try {
      const answer = await fetch(event.target.action, { method: "POST", body: new URLSearchParams(new FormData(event.target)), redirect: "manual" });
      if (answer.status === 204) return wait(+answer.headers.get("Session-Seconds"));
    } catch { /* the page closes in its own time */ }
  });
  wait(+dialog.dataset.left);
}

// Back to a page that the browser had put aside: its form may have been sent since.
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  keep(location.pathname);
  location.reload();
});

// A file field in the page's language lies under the browser's own, which keeps click, drop and focus.
for (const input of all("input[type=file][data-choose]")) {
  const make = (tag, name) => Object.assign(document.createElement(tag), { className: name });
  const face = make("div", "app-file"), button = make("span", "govuk-button govuk-button--secondary");
  const name = make("span", "govuk-body app-file__name"), shown = make("img", "app-file__preview");
  const wrong = make("p", "govuk-error-message");
  button.textContent = input.dataset.choose;
  for (const part of [button, name]) part.setAttribute("aria-hidden", "true");
  wrong.setAttribute("role", "alert");
  shown.alt = "";
  const say = () => {
    const file = input.files[0];
    URL.revokeObjectURL(shown.src);
    const photo = file && "other" in input.dataset;
    const other = photo && file.type !== "image/jpeg", heavy = photo && file.size > 8 * 1024 * 1024;
    // The server looks again: this only spares the wait.
    wrong.textContent = other ? input.dataset.other : heavy ? input.dataset.heavy : "";
    if (other || heavy) input.value = "";
    const size = () => (file.size / 1048576).toLocaleString(document.documentElement.lang, { maximumFractionDigits: 1 });
    name.textContent = photo ? `${file.name} (${size()} ${input.dataset.unit})` : [...input.files].map((one) => one.name).join(", ") || input.dataset.none;
    if (!photo || other || heavy) return shown.remove();
    shown.src = URL.createObjectURL(file);
    input.before(shown);
  };
  input.before(wrong, face);
  face.append(button, name, input);
  input.addEventListener("change", say);
  addEventListener("pageshow", say);
  say();
}

// Sending pictures says how far it is; what comes back is shown as the browser would have shown it.
for (const form of all("form[data-progress]")) {
  form.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    event.preventDefault();
    const bar = Object.assign(document.createElement("progress"), { className: "app-progress", max: 1, value: 0 });
    const words = Object.assign(document.createElement("p"), { className: "govuk-body", textContent: form.dataset.progress });
    words.setAttribute("role", "status");
    bar.setAttribute("aria-label", form.dataset.progress);
    form.append(words, bar);
    const request = new XMLHttpRequest();
    const plainly = () => { form.removeAttribute("data-progress"); form.submit(); };
    request.upload.onprogress = (now) => { if (now.lengthComputable) bar.value = now.loaded / now.total; };
    request.onerror = () => { words.remove(); bar.remove(); delete form.dataset.sent; plainly(); };
    request.onload = () => {
      if (request.status === 200) return location.assign(request.responseURL);
      const page = new DOMParser().parseFromString(request.responseText, "text/html");
      document.title = page.title;
      document.body.replaceWith(page.body);
      // The scripts of this page have run: they run anew on what it has become.
      import(`./portal.js?again=${Date.now()}`).then(() => scrollTo(0, 0));
    };
    request.open("POST", form.action);
    request.send(new FormData(form));
  });
}
