#include "tilecompile/operate/broker_status.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tilecompile/operate/run_status.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;

json status() {
  RunStatus s;
  s.run_id = "0b9c9d7e-6f0e-4c5e-9d62-7a51a4b0f2c1";
  s.phase = "reconstruct tiles";
  s.tiles = 9;
  s.eta_s = 3.5;
  s.workers["a"] = 2;
  s.paces["a"] = {1.5, 100};
  return status_json(s);
}

TEST(RunNote, ComesBackAsItWasLeft) {
  const json note = decode_run_note(encode_run_note(status()));
  ASSERT_TRUE(note.is_object());
  EXPECT_EQ(note["status"], status());
  EXPECT_GT(note["unix_s"], 0);
}

TEST(RunNote, NotesOfAnotherFormAreNone) {
  for (const char* body : {"", "{", "[]", "7", R"({"unix_s": 1})", R"({"unix_s": 1, "status": 7})"})
    EXPECT_TRUE(decode_run_note(body).is_null()) << body;
  for (const auto& [where, what] :
       std::vector<std::pair<std::string, json>>{{"/unix_s", "now"},
                                                 {"/status/run_id", 5},
                                                 {"/status/run_id", "../../x"},
                                                 {"/status/phase", nullptr},
                                                 {"/status/state", 1},
                                                 {"/status/eta_s", "soon"},
                                                 {"/status/tiles", 9},
                                                 {"/status/tiles/done", "all"},
                                                 {"/status/tiles/count", 1e300},
                                                 {"/status/workers", json::array({1})},
                                                 {"/status/workers/a", "many"},
                                                 {"/status/paces/a", 3},
                                                 {"/status/paces/a/last_seen_s", "x"}}) {
    json note = json::parse(encode_run_note(status()));
    note[json::json_pointer(where)] = what;
    EXPECT_TRUE(decode_run_note(note.dump()).is_null()) << where << " " << what;
  }
}

}  // namespace
}  // namespace tilecompile
