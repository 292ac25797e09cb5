#pragma once
#include <gtest/gtest.h>

#include <memory>

#include "storage/private_s3.hpp"

namespace tilecompile {

/// The S3 service that all cases of this program share, started when the first one wants it.
class S3Server : public testing::Environment {
 public:
  static PrivateS3& get() {
    // GoogleTest owns and deletes its environments.
    static auto* const server = static_cast<S3Server*>(
        testing::AddGlobalTestEnvironment(new S3Server));  // NOLINT(cppcoreguidelines-owning-memory)
    if (!server->service_) server->service_ = std::make_unique<PrivateS3>();
    return *server->service_;
  }
  void TearDown() override { service_.reset(); }

 private:
  std::unique_ptr<PrivateS3> service_;
};

}  // namespace tilecompile
