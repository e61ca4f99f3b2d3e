// Where a screen's data come from: an object with `ask(question)`, a promise of the answer, and `acts`, what can be done.
// A notebook asks its kernel by messages; a page asks a server, which only answers questions.

const AGAIN = 1000;
const TRIES = 10;

/**
 * Ask a kernel through a widget's model. The kernel says at once that it has a message; until then it is `queued`. What goes out before the front end
 * has made the kernel's subshell waits behind the running cell: so it is sent again, and the kernel knows it by its id.
 */
export function commSource(model) {
  const waiting = new Map();
  const mine = crypto.randomUUID?.() ?? String(Math.random());
  let last = 0;
  const source = {};
  model.on("msg:custom", (message) => {
    if (message.told !== undefined) return source.told?.(message.told);
    const asker = waiting.get(message.id);
    if (!asker) return;
    clearInterval(asker.timer);
    if (message.received) return void (asker.received = true);
    waiting.delete(message.id);
    if (message.error) asker.reject(Object.assign(new Error(message.error), { trace: message.trace }));
    else asker.resolve(message.answer);
  });
  const send = (kind, content) =>
    new Promise((resolve, reject) => {
      last += 1;
      const message = { id: `${mine} ${last}`, [kind]: content };
      let tries = 0;
      const out = () => {
        tries += 1;
        if (tries > TRIES) return clearInterval(asker.timer);
        model.send(message);
      };
      const asker = { resolve, reject, timer: setInterval(out, AGAIN) };
      waiting.set(message.id, asker);
      out();
    });
  return Object.assign(source, {
    acts: new Set(model.get("acts")),
    queued: () => [...waiting.values()].some((asker) => !asker.received),
    ask: (question) => send("ask", question),
    act: (deed) => send("act", deed),
  });
}

/** Ask a server: POST of the question, JSON back; it changes nothing. */
export function fetchSource(url, headers = {}) {
  const ask = async (question) => {
    const sent = { method: "POST", headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(question) };
    const answer = await fetch(url, sent).catch(() => {
      throw new Error("The server does not answer; is it still running?");
    });
    const content = await answer.json().catch(() => ({}));
    if (answer.status === 403) throw new Error("The server does not let you read this: sign in to Jupyter, and reload the page");
    if (!answer.ok || content.error) throw new Error(content.error ?? `The server answers ${answer.status} ${answer.statusText}`);
    return content;
  };
  return { acts: new Set(), queued: () => false, ask };
}
