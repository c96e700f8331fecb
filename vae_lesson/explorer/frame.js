/** Return a function that runs `work` once before the next repaint, however often it is called. */
export function coalesced(work, signal) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      if (!signal.aborted) work();
    });
  };
}
