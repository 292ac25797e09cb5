#pragma once
#include "private_broker.hpp"

namespace tilecompile {

/// One broker for those tests of a program that leave it as they found it: starting one costs five seconds of
/// a processor. Comes back when nobody uses it any more.
inline PrivateBroker& shared_broker() {
  static PrivateBroker broker;
  broker.wait_until_quiet();
  return broker;
}

}  // namespace tilecompile
