import type { EngineConstants } from './constants.js';
import type { PacketPlace } from './packet-store.js';
import { PacketView } from './packet-view.js';
import type { ByteOffset } from './quantities.js';

/** A packet object of a Tracker: its metadata and frame live in the engine's memory until it is released. */
export class PacketHandle {
  readonly view: PacketView;
  readonly place: PacketPlace;
  /** Set by the tracker: give the place back once the engine lets go of the packet. */
  releaseOnReturn = false;
  #frameBefore: Uint8Array;

  constructor(view: DataView, constants: EngineConstants, place: PacketPlace, frame: Uint8Array) {
    this.place = place;
    new Uint8Array(view.buffer).set(frame, place.frame);
    this.view = new PacketView(view, constants, place.descriptor);
    this.view.initialise(place.frame, frame.length, place.capacity);
    this.view.user = place.descriptor;
    this.#frameBefore = frame;
  }

  /**
   * The engine puts the packet out again from a copy of its own: takes over what the copy became.
   * @param output descriptor of the copy
   */
  takeOver(output: ByteOffset): void {
    this.view.takeOver(output, this.place.frame, this.place.capacity);
  }

  get address(): ByteOffset {
    return this.place.descriptor;
  }

  /** The frame as it is now, copied. */
  copyFrame(): Uint8Array {
    return this.view.copyFrame();
  }

  /** Whether the frame differs from what it was at the last call of this; the tracker asks after every execution. */
  takeChange(): boolean {
    if (!this.view.frameDiffers(this.#frameBefore)) return false;
    this.#frameBefore = this.view.copyFrame();
    return true;
  }
}
