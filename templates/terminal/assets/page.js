// What every page can do: lock the box again.

import { $, ask } from "./box.js";

$("#lock")?.addEventListener("click", async () => {
  await ask("/api/v1/session/lock");
  location.assign("/");
});
