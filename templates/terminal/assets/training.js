// Training: begun, begun afresh, ended; its cards printed.

import { $, ask, toast } from "./box.js";

async function turn(on) {
  const answer = await ask("/api/v1/session/training", { on });
  if (answer.ok) location.reload();
  else toast(answer.detail, "no");
}

$("#begin")?.addEventListener("click", () => turn(true));
$("#afresh")?.addEventListener("click", () => turn(true));
$("#finish")?.addEventListener("click", () => turn(false));
$("#print").addEventListener("click", () => window.print());
