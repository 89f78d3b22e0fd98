import SystemCalls
import Testing

@testable import TraceSource

/// One probe for several processes.
struct TriggerProbeTests {
  private func probe(_ sites: [UserProbeSite], isReturn: Bool = false) -> TriggerProbe {
    .userSites(sites, isReturn: isReturn)
  }

  @Test func theSamePlaceByTwoPathsIsOneSite() {
    let first = probe([UserProbeSite(path: "/proc/self/exe", offset: 16, isShared: false)])
    let program = (try? SystemFiles.link("/proc/self/exe")) ?? ""
    let second = probe([
      UserProbeSite(path: program, offset: 16, isShared: true), UserProbeSite(path: program, offset: 32),
      UserProbeSite(path: "/bin/sh", offset: 16),
    ])
    #expect(
      first.union(second)
        == probe([
          UserProbeSite(path: "/proc/self/exe", offset: 16, isShared: true), UserProbeSite(path: program, offset: 32),
          UserProbeSite(path: "/bin/sh", offset: 16),
        ]))
    #expect(first.union(first) == first)
  }

  @Test func instructionsAndReturnAddressesAreNoOneProbe() {
    let site = UserProbeSite(path: "/bin/sh", offset: 16)
    #expect(probe([site]).union(probe([site], isReturn: true)) == nil)
    #expect(probe([site]).union(.kernelFunction("vfs_read", isReturn: false)) == nil)
  }
}
