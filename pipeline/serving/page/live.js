// Doing something again and again, never twice at once: the newest state is always served last.

const PAUSE_SECONDS = 0.05; // twenty times a second look live, and leave the server to others

/**
 * Return a function that asks for `step()`, now or as soon as the one that runs has ended.
 *
 * However often it is called meanwhile, one more step follows. A step that returns seconds is
 * repeated after them.
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
