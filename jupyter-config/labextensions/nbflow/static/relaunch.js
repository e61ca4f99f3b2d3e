export async function plugin(shared) {
  return { id: 'nbflow:relaunch', autoStart: true, activate: () => {} };
}
