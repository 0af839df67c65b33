package device

// ForgetWarnings lets Warn write again what it wrote before.
func ForgetWarnings() {
	warned.mu.Lock()
	defer warned.mu.Unlock()
	warned.seen = nil
}
