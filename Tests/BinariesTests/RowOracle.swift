@testable import Binaries

/// Turns what `readelf --debug-dump=frames-interp` prints into a line per row: first address, address behind, whether
/// it is a signal frame, then `name=rule` for the CFA and each register that readelf has a column for.
///
/// binutils reads the same bytes independently. (elfutils' libdw 0.188 is no oracle: between DW_CFA_remember_state and
/// DW_CFA_restore_state, as in most epilogues, it answers with the remembered row.)
enum RowOracle {
  /// An awk program. `first` rows are printed, and of those behind one of `stride`.
  static let program = #"""
    function put(from, to, names, cells, signal,   count, name, cell, i, line) {
      rows++
      if (from == to || (rows > first && rows % stride != 0)) return
      count = split(names, name, " ")
      split(cells, cell, " ")
      line = from " " to " " signal
      for (i = 2; i <= count; i++) line = line " " name[i] "=" cell[i]
      print line
    }
    function finish(   i) {
      if (kind == "FDE") {
        if (rowCount == 0) put(low, high, columns[cie], initial[cie], signal[cie])
        for (i = 1; i <= rowCount; i++)
          put(start[i], i < rowCount ? start[i + 1] : high, names, body[i], signal[cie])
      } else if (kind == "CIE") {
        columns[cie] = names
        initial[cie] = rowCount ? body[rowCount] : ""
      }
      kind = ""
    }
    $4 == "CIE" { finish(); kind = "CIE"; cie = $1; signal[cie] = index($5, "S") ? 1 : 0; rowCount = 0; names = ""; next }
    $4 == "FDE" {
      finish(); kind = "FDE"; rowCount = 0
      cie = substr($5, 5)
      range = $6; sub(/^pc=/, "", range); split(range, ends, /\.\./); low = ends[1]; high = ends[2]
      names = columns[cie]
      next
    }
    $1 == "LOC" { names = $0; next }
    kind != "" && $1 ~ /^[0-9a-f]+$/ && length($1) == 16 {
      cells = $1
      # "r9 (r9)": a register's number with its name.
      for (i = 2; i <= NF; i++) if ($i !~ /^\(/) cells = cells " " $i
      rowCount++; start[rowCount] = $1; body[rowCount] = cells
    }
    END { finish(); print "rows " rows }
    """#
}
