#pragma once

namespace tilecompile {

/// Thrown when the user asked a run to stop; what is done is kept.
struct Interrupted {
  int signal;
};

}  // namespace tilecompile
