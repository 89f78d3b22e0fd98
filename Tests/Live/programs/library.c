typedef int (*callback)(int);
int through_library(callback f, int x) { return f(x) + 1; }
