import Foundation
import Testing

@testable import Binaries
@testable import Unwinder

struct LibraryResolverTests {
  /// Against what the dynamic loader itself does.
  @Test(arguments: ["/usr/bin/git", "/usr/lib/postgresql/15/bin/postgres", "/bin/sh"])
  func librariesAreThoseThatTheLoaderLoads(_ program: String) throws {
    guard FileManager.default.fileExists(atPath: program) else { return }
    let fixture = try Fixture()
    let listed = try fixture.run(
      "ldd \(program) | awk '$2 == \"=>\" { print $3; next } $1 ~ /^\\// { print $1 }' | xargs readlink -f")
    let found = try LibraryResolver().libraries(of: program)
    #expect(found.missing == [])
    let paths = try fixture.run("readlink -f \(found.paths.joined(separator: " "))")
    #expect(paths == listed)
  }

  @Test func originAndLibraryPathAreSearchedInTheLoadersOrder() throws {
    let fixture = try Fixture()
    try fixture.write("one.c", "int one(void) { return 1; }")
    try fixture.write("two.c", "int one(void); int two(void) { return one(); }")
    try fixture.write("main.c", "int two(void); int main(void) { return two(); }")
    try fixture.run(
      """
      mkdir lib other
      gcc -shared -fPIC one.c -o lib/libone.so
      gcc -shared -fPIC two.c -Llib -lone -Wl,--enable-new-dtags,-rpath,'${ORIGIN}' -o lib/libtwo.so
      gcc main.c -Llib -ltwo -Wl,-rpath-link,lib -Wl,--enable-new-dtags,-rpath,'$ORIGIN/lib' -o a
      cp lib/libone.so other
      """)
    let own = try LibraryResolver().libraries(of: fixture.path("a"))
    #expect(own.paths.first == fixture.path("lib/libtwo.so"))
    #expect(own.paths.contains(fixture.path("lib/libone.so")))
    let given = try LibraryResolver(libraryPath: fixture.path("other")).libraries(of: fixture.path("a"))
    #expect(given.paths.contains(fixture.path("other/libone.so")))
    try fixture.run("rm lib/libone.so")
    #expect(try LibraryResolver().libraries(of: fixture.path("a")).missing == ["libone.so"])
  }

  @Test func aRootStandsBeforeEveryPath() throws {
    let fixture = try Fixture()
    try fixture.write("one.c", "int one(void) { return 1; }")
    try fixture.write("main.c", "int one(void); int main(void) { return one(); }")
    try fixture.run(
      """
      mkdir -p root/opt/extra root/etc/ld.so.conf.d root/bin
      gcc -shared -fPIC one.c -o root/opt/extra/libone.so
      gcc main.c -Lroot/opt/extra -lone -o root/bin/a
      echo 'include ld.so.conf.d/*.conf' > root/etc/ld.so.conf
      echo '/opt/extra # ours' > root/etc/ld.so.conf.d/extra.conf
      """)
    let found = try LibraryResolver(root: fixture.path("root")).libraries(of: "/bin/a")
    #expect(found.paths.first == fixture.path("root/opt/extra/libone.so"))
    #expect(found.missing == ["libc.so.6"])
  }
}
