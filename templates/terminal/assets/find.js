// Somebody whose card is not there: found in the own lists, with the reason. Resolves { person, why }, or null.

import { ask } from "./box.js";
import { t } from "./texts.js";

const SHOWN = 30;
const WHY = { left_at_home: "find.left_at_home", lost: "find.lost", damaged: "find.damaged", phone_empty: "find.phone_empty", other: "find.other" };

let dialog = null;
let people = [];
let latest = 0;

function make(kind, values = {}, ...inside) {
  const made = Object.assign(document.createElement(kind), values);
  made.append(...inside);
  return made;
}

function build() {
  const style = make("link", { rel: "stylesheet", href: new URL("find.css", import.meta.url).href });
  document.head.append(style);
  const why = Object.entries(WHY).map(([value, key]) =>
    make("label", {}, make("input", { type: "radio", name: "why", value, required: true }), make("span", { textContent: t(key) })),
  );
  const form = make(
    "form",
    { method: "dialog", autocomplete: "off" },
    make("h2", { id: "find-title", textContent: t("find.title") }),
    make("label", { textContent: t("find.search") }, make("input", { type: "search", name: "search" })),
    make("label", { textContent: t("find.list"), hidden: true }, make("select", { name: "list" })),
    make("ul", {}),
    make("p", { className: "quiet", role: "status", id: "find-count" }),
    make("p", { className: "warn", role: "alert", id: "find-unjoined", hidden: true }),
    make("fieldset", {}, make("legend", { textContent: t("find.why") }), make("div", { className: "choices" }, ...why)),
    make("p", { className: "quiet", id: "find-share" }),
    make("p", { className: "actions" }, make("button", { className: "go", value: "go", textContent: t("find.go") }), make("button", { type: "button", className: "plain", value: "cancel", textContent: t("page.cancel") })),
  );
  dialog = make("dialog", { id: "find" }, form);
  dialog.setAttribute("aria-labelledby", "find-title");
  document.body.append(dialog);
  let waiting;
  form.search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(search, 120);
  });
  form.list.addEventListener("change", search);
  form.addEventListener("change", chosen);
  form.querySelector("button[value=cancel]").addEventListener("click", () => dialog.close(""));
}

function row(person) {
  const radio = make("input", { type: "radio", name: "person", value: person.id, required: true });
  const more = [person.number, person.list].filter((text) => text !== "").join(" · ");
  return make("li", {}, make("label", {}, radio, make("span", { textContent: person.name }), make("small", { className: "quiet", textContent: more })));
}

const form = () => dialog.querySelector("form");
const picked = () => people.find((person) => String(person.id) === form().querySelector("input[name=person]:checked")?.value);

// Somebody who has shown no card yet can be recorded only when it is scanned once.
function chosen() {
  const person = picked();
  const without = person && !person.joined && !person.pays_self;
  const place = dialog.querySelector("#find-unjoined");
  place.hidden = !without;
  place.textContent = without ? t("find.unjoined", { name: person.name }) : "";
}

async function search() {
  const asked = (latest += 1);
  const query = new URLSearchParams({ search: form().search.value, list: form().list.value });
  const found = await ask(`/api/v1/people?${query}`, undefined, { method: "GET" });
  if (asked !== latest) return;
  const count = dialog.querySelector("#find-count");
  if (!found.ok) {
    count.textContent = t("page.unreachable");
    return;
  }
  people = found.people;
  dialog.querySelector("ul").replaceChildren(...people.slice(0, SHOWN).map(row));
  const only = dialog.querySelectorAll("input[name=person]");
  if (only.length === 1) only[0].checked = true;
  count.textContent = found.of === 0 ? t("find.empty") : people.length === 0 ? t("find.nobody") : people.length > SHOWN ? t("find.more", { count: SHOWN }) : "";
  const value = form().list.value;
  form().list.replaceChildren(...["", ...found.lists].map((list) => new Option(list || t("find.all_lists"), list, false, list === value)));
  form().list.closest("label").hidden = found.lists.length < 2;
  const { count: forgotten, of } = found.forgotten_share;
  dialog.querySelector("#find-share").textContent = of > 0 ? t("find.share", { count: forgotten, of }) : "";
  chosen();
}

export async function findPerson() {
  if (!dialog) build();
  if (dialog.open) return null;
  form().reset();
  people = [];
  dialog.querySelector("ul").replaceChildren();
  dialog.returnValue = "";
  dialog.showModal();
  form().search.focus();
  search();
  await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
  const person = picked();
  const why = form().querySelector("input[name=why]:checked")?.value;
  return dialog.returnValue === "go" && person && why ? { person, why } : null;
}
