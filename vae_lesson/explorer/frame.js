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
 * Return a function that runs `work` at once, but once a frame at most: what more is asked for waits for the repaint.
 *
 * For what follows the hand: a key comes between two frames, and the next one then has only to paint.
 */
export function prompt(work, signal) {
  let waiting = false;
  let again = false;
  return function run() {
    if (waiting) {
      again = true;
      return;
    }
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      if (again && !signal.aborted) work();
      again = false;
    });
    work();
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
