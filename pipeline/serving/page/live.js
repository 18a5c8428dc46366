// Repeat a step, one run at a time; the newest state is always handled last.

const PAUSE_SECONDS = 0.05; // 20 requests a second look live and leave capacity to others

/**
 * Return a function that requests a run of `step()`, now or after the current run.
 *
 * However often it is called during a run, only one more run follows. A step that returns a number
 * of seconds is repeated after that time.
 */
export function live(step) {
  let wanted = false;
  let running = false;

  async function run() {
    running = true;
    try {
      while (wanted) {
        wanted = false;
        const seconds = await step();
        wanted ||= seconds !== null;
        await sleep(seconds ?? PAUSE_SECONDS);
      }
    } finally {
      running = false;
    }
  }

  return () => {
    wanted = true;
    if (!running) run();
  };
}

const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
