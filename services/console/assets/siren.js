// The sound of a new grave incident: two short tones, again and again until somebody stops them.

const EVERY = 2_500;
const TONES = [880, 660];

/** Silent until `enable()` was called by a person's gesture, as browsers want. */
export class Siren {
  #context = null;
  #timer = null;

  get enabled() {
    return this.#context !== null;
  }

  get ringing() {
    return this.#timer !== null;
  }

  async enable() {
    this.#context = new AudioContext();
    await this.#context.resume();
    this.#play();
  }

  disable() {
    this.stop();
    this.#context?.close();
    this.#context = null;
  }

  ring() {
    if (!this.enabled || this.ringing) return;
    this.#play();
    this.#timer = setInterval(() => this.#play(), EVERY);
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = null;
  }

  #play() {
    TONES.forEach((frequency, place) => {
      const begin = this.#context.currentTime + place * 0.22;
      const tone = new OscillatorNode(this.#context, { frequency });
      const volume = new GainNode(this.#context, { gain: 0 });
      // Rising and falling in a few milliseconds: no click.
      volume.gain.setValueAtTime(0, begin);
      volume.gain.linearRampToValueAtTime(0.3, begin + 0.01);
      volume.gain.linearRampToValueAtTime(0, begin + 0.2);
      tone.connect(volume).connect(this.#context.destination);
      tone.start(begin);
      tone.stop(begin + 0.21);
    });
  }
}
