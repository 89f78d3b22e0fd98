import Foundation
import Testing

/// What the documentation refers to is there.
struct DocumentationTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized

  private static let pages: [URL] = {
    let docs = FileManager.default.enumerator(at: root.appending(path: "Docs"), includingPropertiesForKeys: nil)
    let pages = docs?.compactMap { $0 as? URL }.filter { $0.pathExtension == "md" } ?? []
    return [root.appending(path: "README.md")] + pages.sorted { $0.path < $1.path }
  }()

  /// The page's text without what stands in blocks of code.
  private static func text(_ page: URL) throws -> String {
    let parts = try String(contentsOf: page, encoding: .utf8).components(separatedBy: "```")
    return stride(from: 0, to: parts.count, by: 2).map { parts[$0] }.joined()
  }

  /// The names by which links refer to a page's headings: small letters, hyphens for spaces, no punctuation.
  private static func anchors(_ page: URL) throws -> Set<String> {
    let headings = try text(page).split(separator: "\n").filter { $0.hasPrefix("#") }
    return Set(
      headings.map { heading in
        let title = heading.drop { $0 == "#" }.trimmingCharacters(in: .whitespaces).lowercased()
        return String(title.filter { $0.isLetter || $0.isNumber || "-_ ".contains($0) }.map { $0 == " " ? "-" : $0 })
      })
  }

  @Test func noLinkIsDead() throws {
    #expect(Self.pages.count > 10)
    for page in Self.pages {
      for match in try Self.text(page).matches(of: /\]\(([^)\s]+)\)/) where !match.output.1.contains("://") {
        let parts = match.output.1.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        let goal = parts[0].isEmpty ? page : page.deletingLastPathComponent().appending(path: parts[0]).standardized
        #expect(FileManager.default.fileExists(atPath: goal.path), "\(page.lastPathComponent): \(match.output.1)")
        guard parts.count > 1, goal.pathExtension == "md" else { continue }
        #expect(try Self.anchors(goal).contains(String(parts[1])), "\(page.lastPathComponent): \(match.output.1)")
      }
    }
  }

  /// `Sources/…`, `Tests/…` and the like, and files of sources without that; NAME stands for whatever is added.
  @Test func everyPathThatIsNamedIsThere() throws {
    let places = [Self.root, Self.root.appending(path: "Sources")]
    var count = 0
    for page in Self.pages {
      for match in try Self.text(page).matches(of: /`([\w.+\/-]+\/[\w.+\/-]+)`/) {
        let path = String(match.output.1)
        let isOfProject = path.hasSuffix(".swift") || path.contains(/^(Sources|Tests|Benchmarks|Scripts)\//)
        guard isOfProject, !path.contains("NAME") else { continue }
        count += 1
        let isThere = places.contains { FileManager.default.fileExists(atPath: $0.appending(path: path).path) }
        #expect(isThere, "\(page.lastPathComponent): \(path)")
      }
    }
    #expect(count > 20)
  }

  @Test func everyPageIsLinkedFromAnotherOne() throws {
    var linked: Set<String> = []
    for page in Self.pages {
      for match in try Self.text(page).matches(of: /\]\(([^)#\s]+\.md)/) {
        linked.insert(page.deletingLastPathComponent().appending(path: match.output.1).standardized.path)
      }
    }
    for page in Self.pages.dropFirst() { #expect(linked.contains(page.path), "\(page.path)") }
  }
}
