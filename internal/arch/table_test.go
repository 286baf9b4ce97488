package arch_test

// table is the import table: each line names a package and what it may import
// of ours. It is read from the top down, from what knows nothing of the others
// to what knows them all. A package or an arrow that is not here is a decision;
// write it down in docs/adr and then here.
//
//   - is a package's own line: it imports nothing of ours.
//     x/...      is x and all below it, but not what is internal to it.
//     [tag] x    may be imported only in files with the build constraint tag.
//   - is anything.
//
// Tests may import what they need, but the kit never imports the application.
const table = `
# The kit.
fault/trace                        [faultdev] fault/internal/freeze
fault/redact                       -
fault/logfile                      fault/internal/filelock
fault/internal/filelock            -
fault/internal/smtptest            -
fault/internal/freeze              fault/internal/freeze/calls
fault/internal/freeze/calls        -
fault/internal/devlink             -
fault/internal/visible             -
fault/sqltrace                     fault/trace
fault                              fault/trace fault/redact [faultdev] fault/internal/devlink [faultdev] fault/internal/freeze
fault/live                         [faultdev] fault/internal/devlink
fault/outbox                       fault/internal/filelock
fault/source                       fault fault/trace
fault/journal                      fault fault/internal/filelock
fault/crash                        fault fault/trace fault/redact fault/internal/filelock
fault/incident                     fault fault/trace fault/internal/filelock
fault/incident/incidenttest        fault fault/trace fault/incident
fault/errormail                    fault fault/trace fault/incident fault/outbox fault/source
fault/desk                         fault fault/trace fault/incident fault/journal fault/outbox fault/source fault/internal/visible
fault/faulttest                    fault/...
fault/internal/devtool/...         fault fault/trace fault/redact fault/crash fault/internal/devlink fault/internal/filelock fault/internal/visible fault/internal/devtool/...
fault/cmd/fault                    fault/internal/visible fault/internal/devtool/...

# The application. The root of the module, ".", holds its own source.
.                                  -
internal/microblog                 -
internal/config                    -
internal/arch                      -
internal/store                     internal/microblog fault/trace
internal/store/sqlite              internal/store fault/sqltrace fault/trace
internal/store/postgres            internal/store fault/sqltrace fault/trace
internal/store/storetest           internal/store internal/microblog fault/trace
internal/mail                      internal/microblog fault/outbox
internal/web                       internal/microblog internal/store fault fault/live fault/trace fault/redact
internal/app                       . internal/config internal/mail internal/microblog internal/store internal/store/sqlite internal/store/postgres internal/web fault/...
internal/cli                       internal/app internal/config internal/microblog internal/store fault/...
cmd/microblog                      internal/cli

# Around it.
e2e/...                            *
bench/...                          *
`

// reserved names packages of which there is one place only: a driver is known
// to one package, and the rules of the domain know no files and no network.
// The standard library's packages stand with their names, others with the path
// of their module.
var reserved = map[string][]string{
	"modernc.org/sqlite":         {"internal/store/sqlite", "e2e/...", "bench/..."},
	"github.com/jackc/pgx/v5":    {"internal/store/postgres", "internal/store/storetest", "e2e/...", "bench/..."},
	"github.com/alecthomas/kong": {"internal/cli", "fault/cmd/fault"},
}

// banned are the names a package must not have: they say nothing.
var banned = []string{"base", "common", "helper", "helpers", "lib", "misc", "shared", "util", "utils"}
