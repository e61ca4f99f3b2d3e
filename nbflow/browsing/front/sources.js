// Where a screen's data come from: an object with `ask(question)`, a promise of the answer, and `acts`, what can be done.
// A notebook asks its kernel by messages; a page asks a server, which only answers questions.

/** Ask a kernel through a widget's model. */
export function commSource(model) {
  const waiting = new Map();
  let last = 0;
  model.on("msg:custom", (message) => {
    const asker = waiting.get(message.id);
    waiting.delete(message.id);
    if (!asker) return;
    if (message.error) asker.reject(Object.assign(new Error(message.error), { trace: message.trace }));
    else asker.resolve(message.answer);
  });
  const send = (kind, content) =>
    new Promise((resolve, reject) => {
      last += 1;
      waiting.set(last, { resolve, reject });
      model.send({ id: last, [kind]: content });
    });
  return {
    acts: new Set(model.get("acts")),
    beside: model.get("beside"),
    ask: (question) => send("ask", question),
    act: (deed) => send("act", deed),
  };
}

/** Ask a server: POST of the question, JSON back; it changes nothing. */
export function fetchSource(url, headers = {}) {
  const ask = async (question) => {
    const answer = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(question),
    });
    const content = await answer.json();
    if (!answer.ok || content.error) throw new Error(content.error ?? answer.statusText);
    return content;
  };
  return { acts: new Set(), beside: true, ask };
}
