// A page for paper: the button opens the browser's own print dialog.

import { $ } from "./box.js";

$("#print")?.addEventListener("click", () => print());
