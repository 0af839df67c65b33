package simd
import ("testing";"time";"fmt";"math/rand/v2";"os";"strings";"github.com/tare-go/tare/dtype";"github.com/tare-go/tare/internal/op")
func TestZZ(t *testing.T){
 for _,c:=range []op.Code{op.Exp,op.Log,op.Sin,op.Tanh,op.Power,op.Add,op.Maximum,op.Less}{ for _,d:=range []dtype.DType{dtype.Float32,dtype.Float64}{
  if w:=os.Getenv("OPS"); w!="" && !strings.Contains(w,c.String()) {continue}
  lo:=[]dtype.DType{d,d}[:c.Row().Arity]; f:=Kernel(c,lo)
  const n=1024; r:=rand.New(rand.NewPCG(1,1)); x,y,dst:=newVector(d,n),newVector(d,n),newVector(dtype.Float64,n)
  for i:=range n { x.set(i,op.BitsOf(d,1+9*r.Float64())); y.set(i,op.BitsOf(d,1+9*r.Float64()))}
  best:=time.Hour
  for k:=0;k<20000;k++{ t0:=time.Now(); for j:=0;j<8;j++{f(dst.pointer(),x.pointer(),y.pointer(),nil,n)}; if e:=time.Since(t0);e<best{best=e}}
  fmt.Printf("ZZ %v/%v %.4f ns\n",c,d,float64(best.Nanoseconds())/8/n)
 }}
}
