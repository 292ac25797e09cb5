#include "tilecompile/base/error.hpp"

#include <gtest/gtest.h>

namespace tilecompile {
namespace {

TEST(Error, ExitCodesOfTheInterface) {
  EXPECT_EQ(exit_code(ErrorKind::kUsage), 2);
  EXPECT_EQ(exit_code(ErrorKind::kInput), 4);
  EXPECT_EQ(exit_code(ErrorKind::kTransient), 5);
  EXPECT_EQ(exit_code(ErrorKind::kContract), 70);
}

TEST(Error, KindsCarryTheirNameAndBack) {
  for (const ErrorKind kind :
       {ErrorKind::kUsage, ErrorKind::kInput, ErrorKind::kTransient, ErrorKind::kContract})
    EXPECT_EQ(kind_from_name(kind_name(kind)), kind);
  EXPECT_STREQ(kind_name(ErrorKind::kTransient), "transient");
  EXPECT_EQ(kind_from_name("nonsense"), ErrorKind::kContract);
}

template <class E>
ErrorKind kind_of_thrown() {
  try {
    throw E("the text");
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "the text");
    return e.kind();
  }
}

TEST(Error, EveryClassHasItsKind) {
  EXPECT_EQ(kind_of_thrown<UsageError>(), ErrorKind::kUsage);
  EXPECT_EQ(kind_of_thrown<InputError>(), ErrorKind::kInput);
  EXPECT_EQ(kind_of_thrown<TransientError>(), ErrorKind::kTransient);
  EXPECT_EQ(kind_of_thrown<ContractError>(), ErrorKind::kContract);
}

}  // namespace
}  // namespace tilecompile
