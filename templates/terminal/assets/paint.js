// What people wait for is painted first; what can wait is done after it.

const AT_LATEST_MS = 500; // a page that nobody sees paints nothing

// Does `work` when the frame that shows what has just been changed is on the screen; never twice.
export function afterPaint(work) {
  let done = false;
  const once = () => {
    if (!done) work();
    done = true;
  };
  requestAnimationFrame(() => setTimeout(once));
  setTimeout(once, AT_LATEST_MS);
}
