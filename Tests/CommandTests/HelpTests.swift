import ArgumentParser
import Testing

@testable import kdelay_ftrace

struct HelpTests {
  private static let help = KernelDelay.helpMessage(for: LiveCommand.self, columns: 80)

  @Test func helpHasTitledGroupsAndExamplesAndFitsInEightyColumns() {
    let lines = Self.help.split(separator: "\n", omittingEmptySubsequences: false)
    for line in lines { #expect(line.count <= 80, "\(line)") }
    for title in ["TARGET:", "WINDOWS:", "SLOW SYSCALLS AND STACKS:", "REPORT:", "MACHINE:"] {
      #expect(lines.contains(Substring(title)), "\(title)")
    }
    let examples = lines.drop { !$0.hasPrefix("Examples:") }.prefix { !$0.isEmpty }
    #expect(examples.count { $0.hasPrefix("  kdelay-ftrace ") } == 3)
  }
}

struct TargetOptionsTests {
  @Test(arguments: [
    (["-p", "0"], "-p must be"), (["-p", "1", "--", "true"], "give either -p PID or -- COMMAND, not both"),
    (["--cgroup", "/a", "--", "true"], "give either --cgroup PATH or -- COMMAND, not both"),
    (["--name", "a*", "--", "true"], "give either --name GLOB or -- COMMAND, not both"),
    (["--cgroup", ""], "--cgroup must be"), (["--name", ""], "--name must be"),
  ])
  func targetsThatContradictEachOtherAreRefused(_ arguments: [String], _ message: String) {
    do {
      _ = try TargetOptions.parse(arguments)
      Issue.record("\(arguments) were taken")
    } catch {
      #expect(TargetOptions.message(for: error).contains(message))
    }
  }

  @Test func severalWaysToNameTheTargetGoTogether() throws {
    let options = try TargetOptions.parse(["-p", "12", "--pid", "34", "--children", "--cgroup", "/a", "--name", "b*"])
    #expect(options.pid == [12, 34] && options.children && options.cgroup == "/a" && options.name == "b*")
    let command = try TargetOptions.parse(["--children", "--", "make", "-j4"])
    #expect(command.children && command.command == ["make", "-j4"])
  }
}
