// deep-stacks HOW, with what C++ adds.
#include <algorithm>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>
#include <stdio.h>
#include <string.h>
#include <signal.h>
#include <unistd.h>
#include <sys/prctl.h>
#define KEEP __attribute__((noinline))
volatile int zero, sink;
KEEP int hold(int x)
{
    puts("ready");
    fflush(stdout);
    while (!zero) pause();
    return x;
}
struct Guard { int n; KEEP ~Guard() { sink = hold(n); } };
KEEP void thrower(int n) { if (n == 0) throw std::runtime_error(std::string(100, 'x')); thrower(n - 1); sink = n; }
KEEP int guarded(int n) { Guard guard{n}; thrower(n); return n; }
template <typename T> KEEP T apply(const std::function<T(T)> &f, T x) { return f(x) + 1; }
int main(int c, char **v)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    alarm(240);
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
    try {
        if (!strcmp(v[1], "destructor")) return guarded(3);
        if (!strcmp(v[1], "catch")) thrower(2);
        if (!strcmp(v[1], "lambda")) return apply<int>([&](int x) { return apply<int>([&](int y) { return hold(y + c); }, x) + 1; }, 3);
        if (!strcmp(v[1], "sort")) {
            std::vector<int> all{ 3, 1, 2, 7, 5 };
            std::sort(all.begin(), all.end(), [](int a, int b) { sink = hold(a); return a < b; });
            return all[0];
        }
    } catch (const std::exception &e) {
        return hold(strlen(e.what()));
    }
    return 3;
}
