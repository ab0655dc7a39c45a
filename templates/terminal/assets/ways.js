// The ways in besides a hand scanner: the keypad, a forgotten card, the camera, a photo or PDF. What a page part for it is missing has
// no button.

import { $, toast } from "./box.js";
import { typeNumber } from "./keypad.js";
import { t } from "./texts.js";
import { ours } from "./wedge.js";

let on = {};
let camera = null;

// Loads a part of the page; null where there is none.
async function part(name) {
  try {
    return await import(`/assets/${name}`);
  } catch {
    return null;
  }
}

// A whole pile of letters may be one file: nobody books twenty meals by mistake.
function goesOn(count) {
  const dialog = $("#many");
  $("#many-title").textContent = t("counter.many_title", { count });
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener("close", () => done(dialog.returnValue === "go"), { once: true }));
}

async function read(file) {
  if (!camera) return toast(t("counter.no_files"), "no");
  toast(t("counter.reading_file"));
  try {
    const codes = [...new Set(await camera.codesInFile(file))];
    if (codes.length === 0) toast(t("counter.no_code_in_file"), "no");
    if (codes.length > 1 && !(await goesOn(codes.length))) return;
    for (const code of codes) on.scan(code, { how: "file" });
  } catch (error) {
    toast(error.message, "no"); // camera-file.js says in a sentence why it cannot be opened
  }
}

function dropped(event) {
  const files = [...(event.dataTransfer ?? event.clipboardData)?.files ?? []];
  if (files.length > 0) {
    event.preventDefault();
    files.forEach(read);
    return;
  }
  const text = event.clipboardData?.getData("text") ?? "";
  if (!event.target.closest?.("input, textarea") && ours(text) !== null) on.scan(ours(text), { how: "paste" });
}

// `to`: scan(text, about), forgotten({person, why}), without().
export async function startWays(to) {
  on = to;
  $("#type").addEventListener("click", async () => {
    const number = await typeNumber();
    if (number) on.scan(number, { how: "keypad" });
  });
  $("#without").addEventListener("click", () => on.without());
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", dropped);
  document.addEventListener("paste", dropped);
  const find = await part("find.js");
  if (find) {
    $("#forgotten").hidden = false;
    $("#forgotten").addEventListener("click", async () => {
      const found = await find.findPerson();
      if (found) on.forgotten(found);
    });
  }
  camera = await part("camera.js");
  if (camera) {
    for (const name of ["#camera", "#photo-label"]) $(name).hidden = false;
    $("#camera").addEventListener("click", () => camera.openCamera((text) => on.scan(text, { how: "camera" })));
    $("#photo").addEventListener("change", (event) => {
      [...event.target.files].forEach(read);
      event.target.value = "";
    });
  }
}
