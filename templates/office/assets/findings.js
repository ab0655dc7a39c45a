// Keys for the work list: J and I (or arrows) go from case to case, letters choose, Enter confirms. They can be switched off.
const help = document.getElementById("keys");
const box = document.getElementById("keys-on");
const remembered = "teilhabe.keys";

let on = true;
try {
  on = localStorage.getItem(remembered) !== "off";
} catch {
  // Nothing is remembered where the browser keeps nothing: the keys are on.
}

function show() {
  document.body.classList.toggle("keys-on", on);
  if (box) box.checked = on;
}

if (help) {
  help.hidden = false;
  box.addEventListener("change", () => {
    on = box.checked;
    try {
      localStorage.setItem(remembered, on ? "on" : "off");
    } catch {
      // It holds for this page then.
    }
    show();
  });
}
show();

/// Whether keys are text here.
function types(where) {
  return where.matches("textarea, select, input:not([type=radio], [type=checkbox])") || where.isContentEditable;
}

const steps = [...document.querySelectorAll("[data-step]")];

function step(by) {
  const link = document.querySelector(by > 0 ? "[data-after]" : "[data-before]");
  if (link) return link.click();
  if (steps.length === 0) return;
  const here = steps.indexOf(document.activeElement);
  const next = here < 0 ? (by > 0 ? 0 : steps.length - 1) : Math.min(Math.max(here + by, 0), steps.length - 1);
  steps[next].focus();
}

/// Goes to a field, which may be folded away.
function reach(field) {
  const folded = field.closest("details:not([open])");
  if (folded) folded.open = true;
  field.focus();
}

function choose(radio) {
  radio.checked = true;
  reach((radio.value === "cut" && radio.form.elements.namedItem("euros")) || radio);
  radio.form.scrollIntoView({ block: "nearest" });
}

function press(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  const where = event.target;
  if (event.key === "Escape" && types(where)) return where.blur();
  if (!on || types(where)) return;
  const key = event.key.toLowerCase();
  const radio = document.querySelector(`input[data-key="${CSS.escape(key)}"]`);
  const arrows = where.type !== "radio";
  if (key === "?" && help) help.open = !help.open;
  else if (key === "j" || (key === "arrowdown" && arrows && steps.length > 0)) step(1);
  else if (key === "i" || (key === "arrowup" && arrows && steps.length > 0)) step(-1);
  else if (key === "g" && document.getElementById("reason")) reach(document.getElementById("reason"));
  else if (key === "n" && document.getElementById("note")) reach(document.getElementById("note"));
  else if (key.length === 1 && radio) choose(radio);
  else return;
  if (key === "?" && help.open) help.scrollIntoView({ block: "nearest" });
  event.preventDefault();
}
document.addEventListener("keydown", press);

// Whoever types an amount means to cut.
for (const amount of document.querySelectorAll("input[name=euros]")) {
  amount.addEventListener("input", () => {
    amount.form.querySelector("input[value=cut]").checked = true;
  });
}

// After a decision the next case has the focus, so that it is read out and the keys work at once.
if (new URLSearchParams(location.search).has("done")) document.getElementById("case")?.focus({ preventScroll: true });
