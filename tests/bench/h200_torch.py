import sys
import torch, time, json
import torch.nn as nn, torch.nn.functional as F
torch.backends.cuda.matmul.allow_tf32=False; torch.backends.cudnn.allow_tf32=False
d='cuda'; out={}
def timed(f,reps=20,rounds=7):
    for _ in range(5): f()
    torch.cuda.synchronize(); t0=time.time()
    while time.time()-t0<0.3: f()
    torch.cuda.synchronize(); ts=[]
    for _ in range(rounds):
        a=torch.cuda.Event(enable_timing=True); b=torch.cuda.Event(enable_timing=True)
        a.record(); 
        for _ in range(reps): f()
        b.record(); torch.cuda.synchronize(); ts.append(a.elapsed_time(b)/reps)
    ts.sort(); return ts[len(ts)//2]
def wall(f,reps=20,rounds=7):
    for _ in range(5): f()
    torch.cuda.synchronize(); ts=[]
    for _ in range(rounds):
        t=time.perf_counter()
        for _ in range(reps): f()
        torch.cuda.synchronize(); ts.append((time.perf_counter()-t)*1e3/reps)
    ts.sort(); return ts[len(ts)//2]
for m,n,k in ((4096,4096,4096),(2048,2048,2048),(512,384,1536),(128,384,384)):
    a=torch.randn(m,k,device=d); b=torch.randn(k,n,device=d); c=torch.empty(m,n,device=d)
    g=torch.cuda.CUDAGraph(); torch.mm(a,b,out=c); torch.cuda.synchronize()
    with torch.cuda.graph(g):
        for _ in range(20): torch.mm(a,b,out=c)
    ms=timed(lambda:g.replay(),5)/20
    out[f'mm {m}x{n}x{k}']={'ms':ms,'tflops':2*m*n*k/ms/1e9}
for m in (4096,):
    a=torch.randn(m,m,device=d,dtype=torch.half); b=torch.randn(m,m,device=d,dtype=torch.half)
    ms=timed(lambda:a@b); out['mm f16 4096']={'ms':ms,'tflops':2*m**3/ms/1e9}
x=torch.randn(1<<26,device=d); y=torch.empty_like(x); ms=timed(lambda:y.copy_(x)); out['copy 256MiB']={'ms':ms,'gbs':2*x.numel()*4/ms/1e6}
x=torch.randn(4096,4096,device=d); ms=timed(lambda:F.softmax(x,-1)); out['softmax']={'ms':ms,'gbs':2*x.numel()*4/ms/1e6}
ms=timed(lambda:F.layer_norm(x,(4096,))); out['layernorm']={'ms':ms,'gbs':2*x.numel()*4/ms/1e6}
class L(nn.Module):
    def __init__(s,h,n,f,pre):
        super().__init__(); s.h,s.n,s.pre=h,n,pre; s.q=nn.Linear(h,h);s.k=nn.Linear(h,h);s.v=nn.Linear(h,h);s.o=nn.Linear(h,h);s.a=nn.LayerNorm(h);s.i=nn.Linear(h,f);s.u=nn.Linear(f,h);s.b=nn.LayerNorm(h)
    def att(s,x):
        B,T,_=x.shape; sp=lambda t:t.view(B,T,s.n,-1).transpose(1,2)
        return s.o(F.scaled_dot_product_attention(sp(s.q(x)),sp(s.k(x)),sp(s.v(x))).transpose(1,2).reshape(B,T,s.h))
    def forward(s,x):
        if s.pre:
            x=x+s.att(s.a(x)); return x+s.u(F.gelu(s.i(s.b(x))))
        x=s.a(x+s.att(x)); return s.b(x+s.u(F.gelu(s.i(x))))
def model(name,layers,h,n,f,B,T,vocab,pre=False):
    if sys.argv[1:] and not any(name.startswith(a) for a in sys.argv[1:]): return
    with torch.no_grad():
        ls=nn.ModuleList([L(h,n,f,pre) for _ in range(layers)]).to(d).eval()
        if vocab:
            e=nn.Embedding(vocab,h).to(d); p=nn.Embedding(512,h).to(d); ln=nn.LayerNorm(h).to(d); ids=torch.randint(0,vocab,(B,T),device=d); pos=torch.arange(T,device=d)
            def f_():
                x=ln(e(ids)+p(pos))
                for l in ls: x=l(x)
                return F.normalize(x.mean(1),dim=-1)
        else:
            mel=torch.randn(B,80,2*T,device=d); c1=nn.Conv1d(80,h,3,padding=1).to(d); c2=nn.Conv1d(h,h,3,stride=2,padding=1).to(d); ln=nn.LayerNorm(h).to(d); pos=torch.randn(T,h,device=d)
            audio=torch.randn(B,T*320,device=d); window=torch.hann_window(400,device=d); bank=torch.rand(80,201,device=d)
            def log_mel():
                power=torch.stft(audio,400,160,window=window,return_complex=True)[...,:-1].abs()**2
                m=(bank@power).clamp(min=1e-10).log10(); m=torch.maximum(m,m.amax()-8); return (m+4)/4
            def f_():
                x=F.gelu(c2(F.gelu(c1(log_mel() if 'sound' in name else mel)))).transpose(1,2)+pos
                for l in ls: x=l(x)
                return ln(x)
        o={'eager_gpu':timed(f_),'eager_wall20':wall(f_),'eager_wall1':wall(f_,1)}
        s=torch.cuda.Stream(); s.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(s):
            for _ in range(3): f_()
        torch.cuda.current_stream().wait_stream(s); g=torch.cuda.CUDAGraph()
        with torch.cuda.graph(g): f_()
        o['graph_gpu']=timed(lambda:g.replay()); o['graph_wall20']=wall(lambda:g.replay()); o['graph_wall1']=wall(lambda:g.replay(),1)
        out[name]=o
model('minilm 1x128',6,384,12,1536,1,128,30522)
model('minilm 32x128',6,384,12,1536,32,128,30522)
model('bert-base 8x512',12,768,12,3072,8,512,30522)
model('whisper-tiny 30s (from mel)',4,384,6,1536,1,1500,0,True)
model('whisper-tiny 30s (from the sound)',4,384,6,1536,1,1500,0,True)
print(json.dumps(out,indent=1))
