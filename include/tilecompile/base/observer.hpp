#pragma once

namespace tilecompile {

/// Hears of long work while it goes on, and may end it by throwing. Called from any thread.
class Observer {
 public:
  virtual ~Observer() = default;
  /// Called before each piece of the work (a frame, a tile), and often while waiting; throws when the work is
  /// to end.
  virtual void check_stop() {}
  /// Called with the number of pieces that are done.
  virtual void progress(int /*done*/) {}
  /// Called now and then while others work; throws when they are lost.
  virtual void watch() {}
  /// Called when no more of that work comes: memory that is held for it may go.
  virtual void rest() {}
};

/// An observer that lets everything go on.
inline Observer& nobody() {
  static Observer none;
  return none;
}

}  // namespace tilecompile
