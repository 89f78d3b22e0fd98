// own-root DIRECTORY: makes it its root directory, then loads the library there, and calls its function.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>

int main(int count, char **arguments) {
    if (count < 2 || chroot(arguments[1]) || chdir("/")) return 1;
    // Whoever watches has to look at the new one while it lives.
    usleep(200000);
    void *library = dlopen("/lib/plugin.so", RTLD_NOW);
    if (!library) return 2;
    int (*function)(void) = (int (*)(void))dlsym(library, "plugin_function");
    for (int round = 0; round < 5; round++) function();
    usleep(200000);
    return 0;
}
