// Asks for the PIN that a page needs, then goes there.

import { $ } from "./box.js";
import { askPin } from "./pin.js";

// Only a page of this box: anything else that a link could name leads to the counter.
function nextPage() {
  try {
    const next = new URL(new URLSearchParams(location.search).get("next") ?? "/", location.origin);
    return next.origin === location.origin ? next.pathname + next.search : "/";
  } catch {
    return "/";
  }
}

async function go() {
  if (await askPin()) location.replace(nextPage());
}

$("#ask-pin").addEventListener("click", go);
go();
