// A worker that computes nothing: it answers tasks from the journal of an earlier run with the same run id,
// whose tiles lie in the storage. So a master can be measured alone.
//
//     TILECOMPILE_AMQP_PASSWORD=... replay_worker JOURNAL PORT [PREFETCH]
//
// Ends when no task has come for a minute, or with its parent.
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <map>
#include <string>

#include "tilecompile/broker/transport.hpp"
#include "tilecompile/protocol/task_message.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "tilecompile/tile/result.hpp"

using namespace tilecompile;

namespace {

std::map<int, ResultMessage> results_of(const char* journal) {
  std::map<int, ResultMessage> results;
  std::ifstream in(journal);
  for (std::string line; std::getline(in, line);) {
    ResultMessage result = decode_result(line);
    results[result.tile_id] = std::move(result);
  }
  return results;
}

/// A task whose answers are on their way.
struct Answered {
  DeliveryTag tag;
  std::vector<std::future<void>> confirmed;
};

void settle(Transport& transport, Answered& task) {
  try {
    for (auto& confirmed : task.confirmed) confirmed.get();
  } catch (const UnroutableError&) {
    // a task that an earlier run left behind
  }
  transport.ack(task.tag);
}

void answer_all(Transport& transport, std::map<int, ResultMessage>& results, int prefetch) {
  using namespace std::chrono_literals;
  std::deque<Answered> under_way;
  int answers = 0;
  while (const auto delivery = transport.receive(answers == 0 ? 600s : 60s)) {
    const TileTask task = decode_task(delivery->message.body);
    const int attempt = read_envelope(delivery->message).attempt;
    Answered& answered = under_way.emplace_back(Answered{delivery->tag, {}});
    for (const TaskTile& tile : task.tiles) {
      ResultMessage& result = results.at(tile.tile_id);
      result.correlation_id = task.correlation_id;
      result.attempt = attempt;
      if (result.worker_id == "master") result.worker_id = "replay-1";
      Message message;
      message.body = encode_result(result);
      message.correlation_id = result.correlation_id;
      answered.confirmed.push_back(
          transport.publish(kResultExchange, delivery->message.reply_to, std::move(message)));
      ++answers;
    }
    while (static_cast<int>(under_way.size()) >= prefetch) {
      settle(transport, under_way.front());
      under_way.pop_front();
    }
  }
  for (Answered& task : under_way) settle(transport, task);
  std::printf("%d answers\n", answers);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  auto results = results_of(argv[1]);
  AmqpOptions options;
  options.port = std::atoi(argv[2]);
  options.publish_window = 1024;
  const char* password = std::getenv("TILECOMPILE_AMQP_PASSWORD");
  options.password = password == nullptr ? "guest" : password;
  const int prefetch = argc > 3 ? std::atoi(argv[3]) : 64;
  const auto transport = connect_amqp(options);
  transport->declare(compute_queue_spec(false));
  transport->consume(kComputeQueue, prefetch);
  answer_all(*transport, results, prefetch / 2 + 1);
  return 0;
}
