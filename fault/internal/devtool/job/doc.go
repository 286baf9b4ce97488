// Package job keeps processes together on Windows, where nothing else does. Elsewhere it is empty.
package job
