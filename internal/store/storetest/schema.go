package storetest

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/microblog/internal/store"
)

// migrationNames are the schema's steps, the same on every database.
var migrationNames = []string{"00001_initial.sql"}

func testMigrate(t *testing.T, o Open) {
	ctx := t.Context()
	s := open(t, o, store.Options{})
	var schema *store.SchemaError
	if err := s.Ready(ctx); !errors.As(err, &schema) || schema.Database != 0 || !strings.Contains(err.Error(), "microblog migrate") {
		t.Errorf("an empty database is ready: %v", err)
	}
	check := func(applied bool) {
		t.Helper()
		status, err := s.MigrationStatus(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(status) != len(migrationNames) {
			t.Fatalf("status = %v", status)
		}
		for i, m := range status {
			if m.Name != migrationNames[i] || m.Version != int64(i+1) || m.AppliedAt.IsZero() == applied {
				t.Errorf("migration %d is %+v", i+1, m)
			}
			if applied && time.Since(m.AppliedAt).Abs() > time.Minute {
				t.Errorf("applied at %v", m.AppliedAt)
			}
		}
	}
	check(false)
	applied, err := s.Migrate(ctx)
	if err != nil || len(applied) != len(migrationNames) {
		t.Fatalf("Migrate = %v, %v", applied, err)
	}
	check(true)
	if err := s.Ready(ctx); err != nil {
		t.Errorf("not ready: %v", err)
	}
	if applied, err := s.Migrate(ctx); err != nil || len(applied) != 0 {
		t.Errorf("Migrate again = %v, %v", applied, err)
	}
}

// Several replicas start on an empty database at the same moment.
func testMigrateAtOnce(t *testing.T, o Open) {
	const replicas = 6
	var wg sync.WaitGroup
	var mu sync.Mutex
	total := 0
	start := make(chan struct{})
	for range replicas {
		wg.Go(func() {
			<-start
			s, err := o(store.Options{})
			if err != nil {
				t.Errorf("opening: %v", err)
				return
			}
			defer s.Close()
			applied, err := s.Migrate(t.Context())
			if err != nil {
				t.Errorf("migrating: %v", err)
			}
			if err := s.Ready(t.Context()); err != nil {
				t.Errorf("not ready after migrating: %v", err)
			}
			mu.Lock()
			total += len(applied)
			mu.Unlock()
		})
	}
	close(start)
	wg.Wait()
	if total != len(migrationNames) {
		t.Errorf("%d migrations were applied by %d replicas, want %d", total, replicas, len(migrationNames))
	}
}

func testNewerSchema(t *testing.T, o Open) {
	ctx := t.Context()
	s := migrated(t, o)
	if _, err := s.Writer().ExecContext(ctx, `INSERT INTO schema_migrations (version_id, is_applied) VALUES (9001, TRUE)`); err != nil {
		t.Fatal(err)
	}
	older := open(t, o, store.Options{})
	var schema *store.SchemaError
	if _, err := older.Migrate(ctx); !errors.As(err, &schema) || schema.Database != 9001 || schema.Program != int64(len(migrationNames)) {
		t.Errorf("Migrate = %v", err)
	} else if !strings.Contains(err.Error(), "newer") {
		t.Errorf("the error does not say what is wrong: %v", err)
	}
	if err := s.Ready(ctx); err != nil {
		t.Errorf("a program that was running before the newer one is not ready: %v", err)
	}
	status, err := older.MigrationStatus(ctx)
	if err != nil || len(status) != len(migrationNames)+1 || status[len(status)-1].Version != 9001 || status[len(status)-1].Name != "" {
		t.Errorf("status = %v, %v", status, err)
	}
}

func testSecretKey(t *testing.T, o Open) {
	stores := two(t, o)
	var keys [8][]byte
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			key, err := stores[i%2].SecretKey(t.Context())
			if err != nil {
				t.Errorf("SecretKey: %v", err)
			}
			keys[i] = key
		})
	}
	wg.Wait()
	if len(keys[0]) != 32 {
		t.Errorf("the key has %d bytes", len(keys[0]))
	}
	for _, key := range keys[1:] {
		if !bytes.Equal(key, keys[0]) {
			t.Errorf("keys differ: %x and %x", key, keys[0])
		}
	}
}
