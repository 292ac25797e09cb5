#include "tilecompile/base/error_report.hpp"

#include <gtest/gtest.h>

#include <new>
#include <stdexcept>
#include <system_error>

namespace tilecompile {
namespace {

TEST(ErrorReport, OurErrorsSpeakForThemselves) {
  EXPECT_EQ(report_of(InputError("frame 7 is gone")).kind, ErrorKind::kInput);
  EXPECT_EQ(report_of(InputError("frame 7 is gone")).text, "frame 7 is gone");
  EXPECT_EQ(report_of(ContractError("minus one pixels")).kind, ErrorKind::kContract);
}

TEST(ErrorReport, MemoryAndTheSystemMayDoTheNextTimeTheRestIsABug) {
  EXPECT_EQ(report_of(std::bad_alloc()).kind, ErrorKind::kTransient);
  EXPECT_NE(report_of(std::bad_alloc()).text.find("not enough memory"), std::string::npos);
  const std::system_error threads(std::make_error_code(std::errc::resource_unavailable_try_again));
  EXPECT_EQ(report_of(threads).kind, ErrorKind::kTransient);
  EXPECT_EQ(report_of(std::out_of_range("vector::at")).kind, ErrorKind::kContract);
  EXPECT_NE(report_of(std::out_of_range("vector::at")).text.find("vector::at"), std::string::npos);
}

}  // namespace
}  // namespace tilecompile
