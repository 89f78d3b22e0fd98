// Leaves functions by other ways than their returns: after "go" by 1,000 exceptions, and as a thread by pthread_exit.
#include <cstdio>
#include <stdexcept>
#include <pthread.h>
#include <unistd.h>

struct Thrower { virtual long call(long i) { if (i % 2) throw std::runtime_error("odd"); return i; } };
static Thrower *volatile thrower = new Thrower;
static volatile int cleaned;

extern "C" {
__attribute__((noinline)) long through(long i) { return thrower->call(i) + 1; }
// Ends by a jump: what is thrown goes past it.
__attribute__((noinline)) long jumping(long i) { return thrower->call(i); }
__attribute__((noinline)) void leave(long i) { if (i) pthread_exit(nullptr); cleaned = -1; }
}

static void clean(void *) { cleaned++; }

static void *thread(void *)
{
    pthread_cleanup_push(clean, nullptr);
    leave(1);
    pthread_cleanup_pop(0);
    return nullptr;
}

int main()
{
    printf("ready %d\n", getpid());
    fflush(stdout);
    char line[16];
    while (fgets(line, sizeof line, stdin)) {
        long caught = 0;
        for (long i = 0; i < 1000; i++) {
            try { through(i); } catch (std::exception &) { caught++; }
        }
        pthread_t id;
        pthread_create(&id, nullptr, thread, nullptr);
        pthread_join(id, nullptr);
        printf("{\"caught\": %ld, \"cleaned\": %d}\n", caught, cleaned);
        fflush(stdout);
    }
}
