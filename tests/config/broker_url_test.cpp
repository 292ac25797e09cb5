#include "config/broker_url.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config_files.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/config/load_config.hpp"

namespace tilecompile {
namespace {

using testing::HasSubstr;

BrokerConfig broker_of(const std::vector<std::string>& overrides) {
  return load_worker_config("", overrides).broker;
}

TEST(BrokerUrl, NamesWhatTheSingleKeysDo) {
  const BrokerConfig broker = broker_of({"broker.url=amqps://barn%402@main.example.org:5999/night%2Fone"});
  EXPECT_TRUE(broker.tls);
  EXPECT_EQ(broker.user, "barn@2");
  EXPECT_EQ(broker.host, "main.example.org");
  EXPECT_EQ(broker.port, 5999);
  EXPECT_EQ(broker.vhost, "night/one");
}

TEST(BrokerUrl, WhatItLeavesAwayStaysAndWhatComesLaterWins) {
  BrokerConfig broker = broker_of({"broker.user=me", "broker.vhost=v", "broker.url=amqp://[::1]"});
  EXPECT_FALSE(broker.tls);
  EXPECT_EQ(broker.user, "me");
  EXPECT_EQ(broker.vhost, "v");
  EXPECT_EQ(broker.host, "::1");
  EXPECT_EQ(broker.port, 0);
  broker = broker_of({"broker.url=amqps://a:1/", "broker.host=b"});
  EXPECT_EQ(broker.host, "b");
  EXPECT_EQ(broker.port, 1);
  EXPECT_EQ(broker.vhost, "/");
  EXPECT_EQ(broker_of({"broker.url=amqp://[fe80::2]:77/"}).port, 77);
}

TEST(BrokerUrl, OddOnesAreRefusedWithThePlace) {
  for (const auto& [url, why] : std::vector<std::pair<std::string, std::string>>{
           {"http://main", "neither amqp:// nor"},
           {"main.example.org", "neither amqp:// nor"},
           {"amqps://me:secret@main", "broker.password_file"},
           {"amqps://", "names no host"},
           {"amqps://me@:5671", "names no host"},
           {"amqps://main:high", "its port"},
           {"amqps://main:", "its port"},
           {"amqps://main:70000", "its port"},
           {"amqps://[::1", "has no ']'"},
           {"amqps://[::1]x", "its port"},
           {"amqps://m%zz@main", "its user"},
           {"amqps://main/a%2", "its virtual host"},
           {"amqps://main/a?heartbeat=1", "its virtual host"},
           {"amqps://me:5/secret@main/a", "its virtual host"},
       }) {
    try {
      broker_of({"broker.url=" + url});
      FAIL() << url;
    } catch (const UsageError& e) {
      EXPECT_THAT(e.what(), HasSubstr(why)) << url;
      EXPECT_THAT(e.what(), HasSubstr("--set broker.url")) << url;
      EXPECT_THAT(e.what(), testing::Not(HasSubstr("secret"))) << url;
    }
  }
}

}  // namespace
}  // namespace tilecompile
