internal import Glibc
internal import SystemCalls
internal import TraceModel

/// The code that the kernel maps into each process.
package enum VDSO {
  /// The image of that code, which is the same in all 64-bit processes; empty where there is none.
  package static var bytes: [UInt8] {
    guard let own = CodeMapping.all(of: getpid()).first(where: { $0.path == "[vdso]" }),
      let start = UnsafeRawPointer(bitPattern: UInt(own.start))
    else { return [] }
    return [UInt8](UnsafeRawBufferPointer(start: start, count: Int(own.length)))
  }

  /// The build-id of the kernel that it belongs to; empty where the kernel does not tell.
  package static var kernelBuildID: [UInt8] {
    (try? SystemFiles.readBytes("/sys/kernel/notes")).flatMap(KernelImage.buildID) ?? []
  }
}
