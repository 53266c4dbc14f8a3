// The staff's pages: looking closely at a picture, a word before the lease ends, answers that exclude each other. Each
// works without it.
const all = (selector) => document.querySelectorAll(selector);
const STEPS = [1, 1.5, 2, 3, 4], LIGHTS = [1, 1.3, 1.6, 0.7];
const viewers = [];
const words = document.querySelector("[data-look]");

for (const figure of all("[data-picture]")) {
  const image = figure.querySelector("img");
  const make = (tag, name) => Object.assign(document.createElement(tag), { className: name });
  const frame = make("div", "app-window"), sheet = make("div", "app-window__sheet"), bar = make("div", "app-look");
  const said = make("span", "govuk-body govuk-!-margin-bottom-0");
  let zoom = 0, turns = 0, light = 0;
  const draw = () => {
    if (!image.naturalWidth) return;
    const on_its_side = turns % 2 === 1;
    const wide = on_its_side ? image.naturalHeight : image.naturalWidth;
    const high = on_its_side ? image.naturalWidth : image.naturalHeight;
    const fit = Math.min(frame.clientWidth / wide, (innerHeight * 0.74) / high);
    const scale = fit * STEPS[zoom];
    Object.assign(sheet.style, { width: `${wide * scale}px`, height: `${high * scale}px` });
    Object.assign(image.style, {
      width: `${image.naturalWidth * scale}px`,
      height: `${image.naturalHeight * scale}px`,
      transform: `translate(-50%, -50%) rotate(${turns * 90}deg)`,
      filter: `brightness(${LIGHTS[light]})`,
    });
    said.textContent = `${STEPS[zoom] * 100} %`;
  };
  const viewer = {
    figure,
    act: {
      nearer: () => { zoom = Math.min(zoom + 1, STEPS.length - 1); },
      further: () => { zoom = Math.max(zoom - 1, 0); },
      fit: () => { zoom = 0; },
      turn: () => { turns = (turns + 1) % 4; },
      light: () => { light = (light + 1) % LIGHTS.length; },
    },
    draw,
  };
  for (const [name, act] of Object.entries(viewer.act)) {
    const button = Object.assign(make("button", ""), { type: "button", textContent: words.dataset[name] });
    button.addEventListener("click", () => { act(); draw(); });
    bar.append(button);
  }
  said.setAttribute("role", "status");
  bar.append(said);
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", `${words.dataset.look} – ${image.alt}`);
  frame.tabIndex = 0;
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", image.alt);
  image.before(bar, frame);
  frame.append(sheet);
  sheet.append(image);
  image.addEventListener("load", draw);
  addEventListener("resize", draw);
  draw();
  viewers.push(viewer);
}

// Letters act when nobody is typing, on the picture that has the focus, else the first; and can be switched off for good.
const KEYS = { "+": "nearer", "=": "nearer", "-": "further", 0: "fit", r: "turn", b: "light" };
const box = document.querySelector("[data-keys] input");
if (box) {
  box.closest("[data-keys]").hidden = false;
  box.checked = localStorage.getItem("desk-keys") !== "off";
  box.addEventListener("change", () => localStorage.setItem("desk-keys", box.checked ? "on" : "off"));
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input:not([type=radio], [type=checkbox]), textarea, select");
    if (!box.checked || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = KEYS[event.key.toLowerCase()];
    const viewer = viewers.find((one) => one.figure.contains(document.activeElement)) || viewers[0];
    if (!act || !viewer) return;
    event.preventDefault();
    viewer.act[act]();
    viewer.draw();
  });
}

// A minute before the lease ends the page says so; at its end it shows what the server says then.
for (const notice of all("[data-lease]")) {
  const left = +notice.dataset.lease;
  const warn = () => { notice.hidden = false; notice.textContent = notice.dataset.words; };
  if (left > 60) setTimeout(warn, (left - 60) * 1000);
  else warn();
  setTimeout(() => location.assign(location.pathname), (left + 1) * 1000);
}

// Taking a decision back is offered for as long as it can be done.
for (const form of all("[data-undo]")) setTimeout(() => form.remove(), +form.dataset.undo * 1000);

// An answer that another one rules out is not offered as long as that one stands.
for (const answer of all("[data-not-with]")) {
  const ruledOut = answer.dataset.notWith.split(" ");
  const settle = () => {
    answer.disabled = ruledOut.some((value) => answer.form.querySelector(`[value="${value}"]:checked`));
    if (answer.disabled && answer.checked) answer.form.elements[answer.name].value = answer.dataset.instead;
  };
  answer.form.addEventListener("change", settle);
  settle();
}
