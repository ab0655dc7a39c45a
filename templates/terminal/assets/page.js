// What every page can do: lock the box again, and ask for the PIN first where even recording needs one.

import { $, ask } from "./box.js";
import { askPin } from "./pin.js";
import "./readers.js";

$("#lock")?.addEventListener("click", async () => {
  await ask("/api/v1/session/lock");
  location.assign("/");
});

// Escape closes a dialog at the second press whatever we say, hence the loop.
async function unlock() {
  while (!(await askPin({ locked: true })));
  delete document.body.dataset.locked;
}

if (document.body.dataset.locked && location.pathname !== "/pin") unlock();
