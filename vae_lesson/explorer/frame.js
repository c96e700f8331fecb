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

/**
 * Return a function that runs `work` within `pause` milliseconds, once for all calls until then.
 *
 * For telling the kernel: a message a frame keeps kernel, server and page so busy that frames are lost.
 */
export function paced(work, pause = 150) {
  let timer;
  return () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      work();
    }, pause);
  };
}
