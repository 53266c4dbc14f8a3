// Everything here is an extra: each page works without it.

// What was said once is not said again when the page is opened anew.
const address = new URL(location.href);
if (address.searchParams.has("fait")) {
  address.searchParams.delete("fait");
  history.replaceState(history.state, "", address);
}

// A region that keeps itself up to date: the server says by its ETag whether anything changed.
for (const region of document.querySelectorAll("[data-status]")) {
  let tag = region.dataset.tag || "", wait = 4000, timer;
  const again = () => { timer = setTimeout(look, wait * (0.85 + Math.random() * 0.3)); };
  const look = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(region.dataset.status, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store", redirect: "manual" });
      if (answer.type === "opaqueredirect" || answer.status === 401) return location.reload();
      if (answer.status === 200) {
        const first = tag === "";
        tag = answer.headers.get("ETag") || "";
        wait = 4000;
        if (!first) {
          if ("reload" in region.dataset) return location.reload();
          region.innerHTML = await answer.text();
        }
      } else {
        wait = Math.min(wait * 1.5, 60000);
      }
    } catch { wait = Math.min(wait * 2, 60000); }
    again();
  };
  document.addEventListener("visibilitychange", () => { clearTimeout(timer); if (!document.hidden) { wait = 4000; look(); } });
  look();
}

// A problem is read first.
document.querySelector("[data-focus]")?.focus();

// A form is sent once.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    setTimeout(() => delete form.dataset.sent, 8000);
  });
}

// The menu closes like any other.
for (const menu of document.querySelectorAll("details.me")) {
  document.addEventListener("click", (event) => { if (!menu.contains(event.target)) menu.open = false; });
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && menu.open) { menu.open = false; menu.querySelector("summary").focus(); }
  });
}

// A file field in the language of the page: ours lies under the browser's own, which keeps the click, the drop and the focus.
for (const input of document.querySelectorAll("input[type=file][data-choose]")) {
  const face = document.createElement("div"), button = document.createElement("span"), name = document.createElement("span");
  face.className = "file";
  button.className = "button quiet";
  name.className = "file-name";
  button.textContent = input.dataset.choose;
  for (const part of [button, name]) part.setAttribute("aria-hidden", "true");
  const say = () => { name.textContent = [...input.files].map((file) => file.name).join(", ") || input.dataset.none; };
  input.before(face);
  face.append(button, name, input);
  input.addEventListener("change", say);
  addEventListener("pageshow", say);
  say();
}
