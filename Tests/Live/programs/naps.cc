// Three threads that sleep for moments below recursion, virtual calls, callbacks from the standard library and handlers of
// exceptions.
#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

static void nap() { std::this_thread::sleep_for(std::chrono::microseconds(100)); }

struct Node {
  virtual ~Node() {}
  virtual int evaluate(int depth) = 0;
};

template <int N> struct Level : Node {
  std::unique_ptr<Node> child;
  int evaluate(int depth) override {
    if (depth == 0 || !child) {
      nap();
      throw std::runtime_error(std::to_string(N));
    }
    try {
      return child->evaluate(depth - 1) + N;
    } catch (const std::out_of_range &) {
      return 0;
    }
  }
};

template <int N> std::unique_ptr<Node> chain() {
  auto level = std::make_unique<Level<N>>();
  if constexpr (N > 0) level->child = chain<N - 1>();
  return level;
}

static void work() {
  auto root = chain<20>();
  for (int round = 0; round < 40; round++) {
    std::function<int()> evaluate = [&] { return root->evaluate(round % 20); };
    try {
      evaluate();
    } catch (const std::exception &) {
      nap();
    }
    std::vector<int> numbers(30);
    std::generate(numbers.begin(), numbers.end(), [seed = round]() mutable { return seed = seed * 75 % 65537 + 1; });
    int compared = 0;
    std::sort(numbers.begin(), numbers.end(), [&](int left, int right) {
      if (compared++ % 100 == 0) nap();
      return left < right;
    });
  }
}

int main() {
  std::vector<std::thread> threads;
  for (int count = 0; count < 3; count++) threads.emplace_back(work);
  for (auto &thread : threads) thread.join();
}
