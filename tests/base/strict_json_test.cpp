#include "tilecompile/base/strict_json.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;

template <class Read>
std::string refusal_of(const json& object, Read read) {
  try {
    StrictObject o(object, "letter");
    read(o);
  } catch (const InputError& e) {
    return e.what();
  }
  return "(no error)";
}

TEST(StrictJson, RefusesWhatAParserLetsPass) {
  const auto refused = [](const std::string& bytes) {
    try {
      StrictObject::parse(bytes, "letter");
    } catch (const InputError& e) {
      return std::string(e.what());
    }
    return std::string("(no error)");
  };
  EXPECT_EQ(refused(R"({"a":1,"b":{"a":2}})"), "(no error)") << "a key may stand once in every object";
  EXPECT_EQ(refused(R"({"a":1,"b":2,"a":3})"), "letter: field 'a' appears twice");
  EXPECT_EQ(refused(std::string(16, '[') + std::string(16, ']')), "(no error)");
  EXPECT_EQ(refused(std::string(17, '[') + std::string(17, ']')), "letter: nested deeper than 16 levels");
  EXPECT_EQ(refused("{\"a\":\"\xff\"}").rfind("letter is not valid JSON: ", 0), 0u);
  EXPECT_EQ(refused("{} {}").rfind("letter is not valid JSON: ", 0), 0u);
}

TEST(StrictJson, NamesTheFieldThatIsMissingWrongOrNeverAskedFor) {
  EXPECT_EQ(refusal_of(json::array(), [](StrictObject&) {}), "letter is not a JSON object");
  const json object = {{"n", 3}, {"x", 0.5}, {"t", "text"}, {"yes", true}, {"none", nullptr}};
  EXPECT_EQ(refusal_of(object, [](StrictObject& o) { o.text("other"); }), "letter: field 'other' is missing");
  EXPECT_EQ(refusal_of(object, [](StrictObject& o) { o.text("n"); }), "letter: field 'n' is not a string");
  EXPECT_EQ(refusal_of(object, [](StrictObject& o) { o.boolean("n"); }),
            "letter: field 'n' is not true or false");
  EXPECT_EQ(refusal_of(object, [](StrictObject& o) { o.number("none"); }),
            "letter: field 'none' is not a finite number");
  EXPECT_EQ(refusal_of(object, [](StrictObject& o) { o.uuid("t"); }),
            "letter: field 't' is not a UUID in lower case");
  EXPECT_EQ(refusal_of(object, [](StrictObject& o) { o.digest("t"); }),
            "letter: field 't' is not a SHA-256 in lower-case hex");
  EXPECT_NE(refusal_of(object,
                       [](StrictObject& o) {
                         for (const char* key : {"n", "x", "t", "yes"}) o.get(key);
                         o.done();
                       })
                .find("'none'"),
            std::string::npos);
}

TEST(StrictJson, TakesIntegersAtTheirLimitsAndNoFractions) {
  const auto between = [](const json& value) {
    return refusal_of({{"n", value}}, [](StrictObject& o) { o.integer("n", -2, 5); });
  };
  EXPECT_EQ(between(-2), "(no error)");
  EXPECT_EQ(between(5), "(no error)");
  EXPECT_EQ(between(-3), "letter: field 'n' is out of range");
  EXPECT_EQ(between(6), "letter: field 'n' is out of range");
  EXPECT_EQ(between(2.0), "letter: field 'n' is not an integer");
  EXPECT_EQ(between(18446744073709551615u), "letter: field 'n' is not an integer") << "beyond 64 signed bits";
}

TEST(StrictJson, ReadsNullAsNotANumberOnlyWhereAskedTo) {
  const json object = {{"none", nullptr}, {"x", 0.25}};
  StrictObject o(object, "letter");
  EXPECT_TRUE(std::isnan(o.number_or_nan("none")));
  EXPECT_EQ(o.number_or_nan("x"), 0.25);
  EXPECT_NO_THROW(o.done());
}

}  // namespace
}  // namespace tilecompile
