import Foundation
import Testing

@testable import Binaries
@testable import Unwinder

struct USDTProbeTests {
  @Test func allPlacesOfAnInlinedProbeAreSites() throws {
    let fixture = try Fixture()
    try fixture.write(
      "a.c",
      """
      #define _SDT_HAS_SEMAPHORES 1
      #include <sys/sdt.h>
      __extension__ unsigned short shop_sale_semaphore __attribute__((unused, section(".probes")));
      __extension__ unsigned short shop_close_semaphore __attribute__((unused, section(".probes")));
      static inline __attribute__((always_inline)) void sale(int price) {
        if (__builtin_expect(shop_sale_semaphore, 0)) STAP_PROBE1(shop, sale, price);
      }
      int main(int count, char **unused) {
        sale(1); sale(count); sale(count * 2); STAP_PROBE(shop, close); return 0;
      }
      """)
    for options in ["-pie -fPIE", "-no-pie -fno-pie", "-shared -fPIC"] {
      try fixture.run("gcc -O2 \(options) a.c -o a")
      let probes = try ELFImage(path: fixture.path("a")).usdtProbes
      #expect(Set(probes.map { "\($0.provider):\($0.name)" }) == ["shop:sale", "shop:close"])
      #expect(probes.first { $0.name == "sale" }?.sites.count == 3)
      try compare(probes, in: fixture.path("a"), fixture)
      let counter = try fixture.address(of: "shop_sale_semaphore", in: "a")
      let site = try #require(probes.first { $0.name == "sale" }?.sites.first)
      // .probes' file offset, by readelf.
      let section = try fixture.run("readelf -SW a | sed 's/\\[ *//' | awk '$2 == \".probes\" { print $4, $5 }'")
        .trimmed.split(separator: " ").compactMap { UInt64($0, radix: 16) }
      #expect(site.semaphoreFileOffset == counter - section[0] + section[1])
    }
  }

  @Test(arguments: ["libc.so.6", "libstdc++.so.6", "libm.so.6"])
  func systemLibrariesShowTheProbesThatReadelfLists(_ library: String) throws {
    let fixture = try Fixture()
    let path = try fixture.run("gcc -print-file-name=\(library) | xargs readlink -f").trimmed
    try compare(try ELFImage(path: path).usdtProbes, in: path, fixture)
  }

  @Test(
    .enabled(
      if: FileManager.default.fileExists(atPath: "/usr/lib/postgresql/15/bin/postgres"),
      "needs Debian's postgresql-15"))
  func postgresShowsTheProbesThatReadelfLists() throws {
    let path = "/usr/lib/postgresql/15/bin/postgres"
    let probes = try ELFImage(path: path).usdtProbes
    #expect(probes.contains { $0.provider == "postgresql" && $0.name == "query__start" })
    #expect(probes.allSatisfy { $0.sites.allSatisfy { $0.semaphoreFileOffset != 0 } })
    try compare(probes, in: path, try Fixture())
  }

  /// Every site as `readelf -n` has it, and a `nop` (or arm64's) where a uprobe goes.
  private func compare(_ probes: [USDTProbe], in path: String, _ fixture: Fixture) throws {
    let listing = try fixture.run(
      """
      readelf -nW '\(path)' | awk '/Provider:/ { sub(/.*Provider: /, ""); p = $1 } /Name:/ { n = $2 }
        /Location:/ { sub(/,/, "", $2); a = $2 }
        /Arguments:/ { sub(/.*Arguments: /, ""); print p, n, a, $0 }'
      """)
    let wanted = listing.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.sorted()
    let found = probes.flatMap { probe in
      probe.sites.map { site in
        let digits = String(site.address, radix: 16)
        let address = "0x" + String(repeating: "0", count: 16 - digits.count) + digits
        return "\(probe.provider) \(probe.name) \(address) \(site.arguments)".trimmingCharacters(in: .whitespaces)
      }
    }
    // The difference alone: the lists are long.
    #expect(Set(found).symmetricDifference(wanted) == [])
    #expect(found.count == wanted.count)
    let image = try ELFImage(path: path)
    for site in probes.flatMap(\.sites) {
      #expect(site.fileOffset == image.fileOffset(ofAddress: site.address))
      #if arch(x86_64)
        #expect(try bytes(of: image, at: site.address, count: 1) == [0x90])
      #endif
    }
  }
}
