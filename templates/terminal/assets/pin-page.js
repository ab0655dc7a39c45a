// Asks for the PIN that a page needs, then goes there.

import { $ } from "./box.js";
import { askPin } from "./pin.js";

const next = new URLSearchParams(location.search).get("next") ?? "/";

async function go() {
  if (await askPin()) location.replace(next.startsWith("/") && !next.startsWith("//") ? next : "/");
}

$("#ask-pin").addEventListener("click", go);
go();
